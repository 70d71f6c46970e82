"""The bundled configs: every profile and step is there, with the public values, each default said once."""

from __future__ import annotations

import functools
import json
import re

import pytest
from cli import CLUSTERS, CONFIGS, RESERVED, ROOT, read_toml
from helpers import exact, load_cases
from rows import each_row

import env_toml

NAMES = {
    *("base", "prep_base", "prep_sft_packing", "prep_pretrain_prep", "prep_rl_prep"),
    *("curator_base", "curate", "translate", "byob_cpu", "byob_full"),
    *("sdg_data_designer", "sdg_data_designer_tiny", "sdg_data_designer_default"),
    *("sdg_data_designer_customer_support_tools", "sdg_data_designer_rl_pref"),
    *("pretrain_megatron_bridge", "pretrain_automodel", "sft_megatron_bridge", "sft_automodel"),
    *("peft_megatron_bridge", "peft_automodel", "convert_model"),
    *("rl_nemo_rl_dpo", "rl_nemo_rl_rlvr", "rl_nemo_rl_rlhf"),
    *("optimize_modelopt_quantize", "optimize_modelopt_distill", "optimize_modelopt_prune"),
    "eval_model_eval",
}
TOKENIZER = {  # profile: GPUs per node, what it installs
    "tokenizer_extend": (0, "indic-nlp-library"),
    "tokenizer_init_embeddings": (1, "fasttext-wheel indic-nlp-library"),
    "tokenizer_evaluate": (0, ""),
    "tokenizer_eval_init": (1, "accelerate"),
}
STEPS = {  # step: profiles that serve it
    "data_prep/sft_packing": "prep_sft_packing",
    "data_prep/pretrain_prep": "prep_pretrain_prep",
    "data_prep/rl_prep": "prep_rl_prep",
    "pretrain/megatron_bridge": "pretrain_megatron_bridge",
    "pretrain/automodel": "pretrain_automodel",
    "sft/megatron_bridge": "sft_megatron_bridge",
    "sft/automodel": "sft_automodel",
    "peft/megatron_bridge": "peft_megatron_bridge",
    "peft/automodel": "peft_automodel",
    "convert/hf_to_megatron": "convert_model",
    "convert/megatron_to_hf": "convert_model",
    "convert/merge_lora": "convert_model",
    "rl/nemo_rl/dpo": "rl_nemo_rl_dpo",
    "rl/nemo_rl/rlvr": "rl_nemo_rl_rlvr",
    "rl/nemo_rl/rlhf": "rl_nemo_rl_rlhf",
    "optimize/modelopt/quantize": "optimize_modelopt_quantize",
    "optimize/modelopt/distill": "optimize_modelopt_distill",
    "optimize/modelopt/prune": "optimize_modelopt_prune",
    "eval/model_eval": "eval_model_eval",
    "byob/mcq": "byob_cpu byob_full",
    "sdg/data_designer": "sdg_data_designer sdg_data_designer_tiny sdg_data_designer_default"
    " sdg_data_designer_customer_support_tools sdg_data_designer_rl_pref",
    "translate/nemo_curator": "translate",
    "curate/nemo_curator": "curate",
    "tokenizer_extension/extend": "tokenizer_extend",
    "tokenizer_extension/init_embeddings": "tokenizer_init_embeddings",
    "tokenizer_extension/evaluate": "tokenizer_evaluate",
    "tokenizer_extension/eval_init": "tokenizer_eval_init",
}
SITE_VALUES = {  # what a site must choose
    "_steps": "WANDB_ENTITY",
    "slurm": "SLURM_HOST SLURM_ACCOUNT SLURM_PARTITION SLURM_CPU_PARTITION SLURM_MOUNT"
    " NEMOTRON_WORKSPACE",
    "slurm-airgap": "NEMOTRON_IMAGE_REGISTRY PIP_INDEX_URL",
    "lepton": "LEPTON_NODE_GROUP LEPTON_GPU_SHAPE LEPTON_CPU_SHAPE LEPTON_TRANSLATE_GPU_SHAPE"
    " LEPTON_BYOB_GPU_SHAPE LEPTON_PRUNE_GPU_SHAPE NEMOTRON_HOST_MOUNT NEMOTRON_MOUNT_FROM"
    " NEMOTRON_WORKSPACE",
    "dgxcloud": "DGXCLOUD_BASE_URL DGXCLOUD_KUBE_APISERVER_URL DGXCLOUD_CLIENT_ID"
    " DGXCLOUD_PROJECT_NAME DGXCLOUD_DEPARTMENT DGXCLOUD_PVC_NAME DGXCLOUD_PVC_CLAIM"
    " DGXCLOUD_IMAGE_PULL_SECRET NEMOTRON_WORKSPACE",
}
OFFLINE = {
    "HF_HUB_OFFLINE": "1",
    "TRANSFORMERS_OFFLINE": "1",
    "HF_DATASETS_OFFLINE": "1",
    "WANDB_MODE": "offline",
    "PIP_INDEX_URL": "https://packages.example.com/simple",
    "UV_DEFAULT_INDEX": "https://packages.example.com/simple",
}
ALL = ["_steps", *CONFIGS]
PUBLIC = load_cases("public")  # own values of each profile, resolved with no variable set but USER
STEP_VALUES = json.loads(
    (ROOT / "tests" / "consumers" / "step_values.json").read_text(encoding="utf-8")
)


generate = functools.lru_cache(None)(env_toml.generate)  # what is written is only looked at


def text_of(name):
    return (ROOT / "configs" / f"{name}.json").read_text(encoding="utf-8")


def config_of(name):
    return json.loads(text_of(name))


@functools.lru_cache(None)
def profiles_of(name):
    document = read_toml(generate(name))
    return {profile: table for profile, table in document.items() if profile not in RESERVED}


def names(cluster):
    return {f"{cluster}_{name}" for name in [*NAMES, *TOKENIZER]}


def resolve(value):
    """Return a value as it resolves where no variable is set but USER, which stays $USER."""
    if isinstance(value, dict):
        return {key: resolve(item) for key, item in value.items()}
    if isinstance(value, list):
        return [resolve(item) for item in value]
    if not isinstance(value, str):
        return value
    before = ""
    value = value.replace("${oc.env:USER}", "$USER")
    while before != value:  # innermost first
        before = value
        value = re.sub(r"\$\{oc\.env:\w+,('?)([^{}']*)\1\}", r"\2", value)
    assert "${" not in value, value
    return value


def complete(profiles, name):
    """Return a profile with its parents, which it is merged over."""
    own = dict(profiles[name])
    merged = complete(profiles, own.pop("extends")) if "extends" in own else {}
    variables = {**merged.get("env_vars", {}), **own.get("env_vars", {})}
    merged.update(own)
    if variables:
        merged["env_vars"] = variables
    return merged


# -------------------------------------------------------------------------------------- the files


def test_the_three_clusters_and_what_builds_on_them():
    assert set(CONFIGS) == {*CLUSTERS, "slurm-airgap"}
    assert config_of("slurm-airgap")["defaults"] == "slurm"
    assert {config_of(name)["defaults"] for name in CLUSTERS} == {"_steps"}


@each_row("name", CONFIGS)
def test_the_top_of_a_config(name):
    config = config_of(name)
    assert config["description"].strip()
    assert "\n" not in config["description"]
    assert config["output_path"] == f"env.{name}.toml"
    assert not {"force", "expand", "only", "step_values"} & config.keys()


@each_row("name", ALL)
def test_a_config_is_written_by_one_hand(name):
    text = text_of(name)
    assert text.isascii()
    assert text.endswith("}\n")
    assert not re.search(r"\t| \n|\r", text)
    assert not re.search(r"\b(hf_[A-Za-z0-9]{8}|nvapi-|sk-\w{6})", text), "a literal secret"


@each_row("name", ALL)
def test_no_profile_is_required_so_that_each_may_be_dropped(name):
    assert "required_profiles" not in config_of(name)["checks"]


# ----------------------------------------------------------------------------- profiles and values


@pytest.mark.parametrize("cluster", CLUSTERS)
def test_profiles(cluster):
    assert len(names(cluster)) == 33
    assert config_of(cluster)["sections"].keys() == names(cluster)
    assert profiles_of(cluster).keys() == names(cluster)
    assert {table["executor"] for table in profiles_of(cluster).values()} == {cluster}


@pytest.mark.parametrize("cluster", CLUSTERS)
def test_what_is_written_resolves_to_the_public_values(cluster):
    """Where no variable is set; compared with the values of 1.0.0, which were the public ones."""
    written = resolve(read_toml(generate(cluster)))
    assert written.keys() == PUBLIC[cluster].keys()
    for name in written:
        assert exact(written[name]) == exact(complete(PUBLIC[cluster], name)), name


@pytest.mark.parametrize("cluster", CLUSTERS)
def test_recommended_nodes(cluster):
    rlhf = f"{cluster}_rl_nemo_rl_rlhf"
    assert config_of(cluster)["checks"]["recommended_min_nodes"] == {rlhf: 4}
    assert profiles_of(cluster)[rlhf]["nodes"] == 4


@each_row("suffix", TOKENIZER)
@each_row("cluster", CLUSTERS)
def test_tokenizer_profiles(cluster, suffix):
    gpus, installs = TOKENIZER[suffix]
    profile = profiles_of(cluster)[f"{cluster}_{suffix}"]
    assert (profile["nodes"], profile["gpus_per_node"]) == (1, gpus)
    commands = profile.get("startup_commands", [])
    assert len(commands) == bool(installs)
    assert not installs or commands[0].endswith(f" {installs}")
    assert ("FASTTEXT_CACHE_DIR" in profile["env_vars"]) == ("fasttext" in installs)
    if cluster == "slurm":
        kind = "GPU" if gpus else "CPU"
        assert f"SLURM_{kind}_PARTITION" in profile["partition"]
        assert profile["build_partition"] == profile["partition"]
        assert (profile["build_include_gpus"], profile["build_gpus_per_node"]) == (bool(gpus), gpus)
    if cluster == "lepton":
        assert ("CPU" in profile["resource_shape"]) == (not gpus)


@pytest.mark.parametrize("cluster", CLUSTERS)
def test_the_tokenizer_profiles_share_what_they_have_in_common(cluster):
    sections = config_of(cluster)["sections"]
    parents = {"extend": "evaluate", "init_embeddings": "eval_init"}
    for name, parent in parents.items():
        own = sections[f"{cluster}_tokenizer_{name}"]
        assert own["extends"] == f"{cluster}_tokenizer_{parent}"
        assert own.keys() <= {"extends", "startup_commands", "env_vars"}


# ---------------------------------------------------------------------------------- steps, commands


@each_row("name", CONFIGS)
def test_the_file_says_how_to_run_every_step(name):
    cluster = name.partition("-")[0]
    found = {}
    for line in generate(name).splitlines():
        told = re.match(r"# nemotron steps run (\S+) -c \w+( \w+=\w+)* --batch (\S+)", line)
        if told:
            found.setdefault(told[1], []).append(told[3])
    expected = {
        step: [f"{cluster}_{suffix}" for suffix in by.split()] for step, by in STEPS.items()
    }
    assert {step: sorted(by) for step, by in found.items()} == {
        step: sorted(by) for step, by in expected.items()
    }


@each_row("name", CONFIGS)
def test_a_command_stands_above_its_profile(name):
    lines = generate(name).splitlines()
    for number, line in enumerate(lines):
        if line.startswith("# nemotron steps run "):
            below = next(line for line in lines[number:] if not line.startswith("#"))
            assert below == f"[{line.split(' --batch ')[1].split()[0]}]"


@pytest.mark.parametrize("cluster", CLUSTERS)
def test_the_base_profiles_serve_no_step(cluster):
    served = {f"{cluster}_{suffix}" for by in STEPS.values() for suffix in by.split()}
    bases = ("base", "prep_base", "curator_base")
    assert names(cluster) - served == {f"{cluster}_{base}" for base in bases}


def test_what_the_steps_set_themselves_is_what_was_measured():
    """`mounts` of a step and of a profile are joined, so neither wins."""
    measured = {}
    for command, values in STEP_VALUES.items():
        own = {key: value for key, value in values.items() if key != "mounts"}
        if own:
            measured[command] = own
    assert exact(config_of("_steps")["step_values"]) == exact(measured)


# ----------------------------------------------------------------------------------- site's variables


def variables_of(name):
    """Return the variables of a config and of those that it builds on."""
    config = config_of(name)
    below = variables_of(config["defaults"]) if "defaults" in config else {}
    return {**below, **config.get("variables", {})}


@each_row("name", ALL)
def test_the_default_of_a_variable_stands_once(name):
    text = json.dumps({**config_of(name), "variables": {}})
    for variable in variables_of(name):
        assert f"oc.env:{variable}," not in text, variable
    assert "NEMOTRON_WORKSPACE" in variables_of(name) or name == "_steps"


@each_row("name", ALL)
def test_a_variable_without_a_default_is_declared(name):
    bare = set(re.findall(r"\$\{oc\.env:(\w+)\}", text_of(name)))
    assert bare - {"USER"} <= variables_of(name).keys()


@each_row("name", ALL)
def test_a_declared_variable_is_used(name):
    text = "".join(map(text_of, ALL))
    for variable in config_of(name)["variables"]:
        assert f"${{oc.env:{variable}}}" in text, variable


@each_row("name", CONFIGS)
def test_every_variable_has_a_default_or_is_always_set(name):
    assert set(re.findall(r"\$\{oc\.env:(\w+)\}", generate(name))) <= {"USER"}


@each_row("name", ALL)
def test_every_value_that_a_site_must_choose_has_its_meaning(name):
    config = config_of(name)
    meanings = config["checks"]["site_values"]
    assert meanings.keys() == set(SITE_VALUES[name].split())
    assert meanings.keys() <= variables_of(name).keys()
    for variable, meaning in meanings.items():
        assert len(meaning.split()) > 3, variable
        assert "\n" not in meaning, variable


@each_row("name", ALL)
def test_what_a_site_must_choose_stands_only_in_variables(name):
    """No profile has a placeholder of its own: a host, a masked name, a path that is none."""
    rest = json.dumps({**config_of(name), "variables": {}, "checks": {}})
    assert not re.search(r"example\.(com|org)|masked-|/path/to", rest)


def test_the_image_pull_placeholder_says_how_to_send_none():
    meaning = config_of("dgxcloud")["checks"]["site_values"]["DGXCLOUD_IMAGE_PULL_SECRET"]
    word = "sections.dgxcloud_base.custom_spec=null"
    assert word in meaning
    assert "imagePullSecrets" in generate("dgxcloud")
    assert "imagePullSecrets" not in env_toml.generate("dgxcloud", [word])


@each_row("name", CONFIGS)
def test_secrets_come_from_the_environment(name):
    secret = re.compile(r"(TOKEN|SECRET|PASSWORD|API_KEY)$", re.IGNORECASE)
    found = [
        (profile, key, value)
        for profile, table in profiles_of(name).items()
        for key, value in [*table.items(), *table["env_vars"].items()]
        if secret.search(key)
    ]
    assert len(found) >= 66, "HF_TOKEN and WANDB_API_KEY in every profile"
    assert [one for one in found if not re.fullmatch(r"\$\{oc\.env:\w+,''\}", one[2])] == []


# -------------------------------------------------------------------------------------- slurm-airgap


def test_an_airgapped_site_is_a_short_layer():
    config = config_of("slurm-airgap")
    assert config["images"] == {"nvcr.io/": "${oc.env:NEMOTRON_IMAGE_REGISTRY}#"}
    assert config["sections"].keys() == {"slurm_base"}
    assert config["sections"]["slurm_base"].keys() == {"env_vars"}


def test_an_airgapped_site_names_no_public_registry():
    assert "nvcr.io" not in generate("slurm-airgap")
    assert "nvcr.io" not in env_toml.generate("slurm-airgap", ["expand=false"])


def test_an_airgapped_site_runs_the_same_images_from_its_registry():
    written = profiles_of("slurm-airgap")
    assert written.keys() == names("slurm")
    for name, table in written.items():
        registry, _, image = table["container_image"].partition("#")
        assert registry == "${oc.env:NEMOTRON_IMAGE_REGISTRY,registry.example.com}", name
        assert f"nvcr.io/{image}" == complete(PUBLIC["slurm"], name)["container_image"], name


def test_an_airgapped_site_is_offline_and_differs_in_nothing_else():
    for name, table in resolve(profiles_of("slurm-airgap")).items():
        public = complete(PUBLIC["slurm"], name)
        expected = {**public, "env_vars": {**public["env_vars"], **OFFLINE}}
        expected["container_image"] = table["container_image"]
        assert exact(table) == exact(expected), name


def test_the_commands_of_an_airgapped_site_pull_from_its_registry():
    """Each step that names an image in its own config, and no other."""
    moved = "'run.env.container_image=${oc.env:NEMOTRON_IMAGE_REGISTRY,registry.example.com}#"
    for line in generate("slurm-airgap").splitlines():
        if line.startswith("# nemotron steps run "):
            own = STEP_VALUES.get(" ".join(line.split()[4:7]), {}).get("container_image", "")
            expected = own.replace("nvcr.io/", moved) + "'" * bool(own)
            assert "".join(line.split()[7:]).partition("run.env")[2].count("=") == bool(own)
            assert line.endswith(f" {expected}") if own else "run.env" not in line, line
