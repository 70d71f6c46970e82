"""The bundled configs: every profile and step is there, and every name in them leads somewhere."""

from __future__ import annotations

import json
import re

import pytest
from cli import CLUSTERS, CONFIGS, RESERVED, ROOT, read_toml

import env_toml

PUBLIC = {
    *("base", "prep_base", "prep_sft_packing", "prep_pretrain_prep", "prep_rl_prep"),
    *("curator_base", "curate", "translate", "byob_cpu", "byob_full"),
    *("sdg_data_designer", "sdg_data_designer_tiny", "sdg_data_designer_default"),
    *("sdg_data_designer_customer_support_tools", "sdg_data_designer_rl_pref"),
    *("pretrain_megatron_bridge", "pretrain_automodel", "sft_megatron_bridge", "sft_automodel"),
    *("peft_megatron_bridge", "peft_automodel", "convert_model"),
    *("rl_nemo_rl_dpo", "rl_nemo_rl_rlvr", "rl_nemo_rl_rlhf"),
    *("optimize_modelopt_quantize", "optimize_modelopt_distill", "optimize_modelopt_prune", "eval_model_eval"),
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
OFFLINE = {
    "HF_HUB_OFFLINE": "1",
    "TRANSFORMERS_OFFLINE": "1",
    "HF_DATASETS_OFFLINE": "1",
    "WANDB_MODE": "offline",
}
TOP_LEVEL = {
    "description",
    "defaults",
    "output_path",
    "force",
    "expand",
    "only",
    "preamble",
    "checks",
    "steps",
    "sections",
}


def config_of(name: str) -> dict:
    return json.loads((ROOT / "configs" / f"{name}.json").read_text(encoding="utf-8"))


def profiles_of(name: str) -> dict:
    document = read_toml(env_toml.generate(name))
    return {profile: table for profile, table in document.items() if profile not in RESERVED}


def names(cluster: str) -> set[str]:
    return {f"{cluster}_{name}" for name in [*PUBLIC, *TOKENIZER]}


def test_the_three_clusters_and_the_site_configs():
    assert set(CONFIGS) == {*CLUSTERS, "slurm-airgap"}
    assert len(PUBLIC) == 29
    assert len(names("slurm")) == 33


@pytest.mark.parametrize("name", CONFIGS)
def test_the_top_of_a_config(name):
    config = config_of(name)
    assert config.keys() <= TOP_LEVEL
    assert config["description"].strip()
    assert "\n" not in config["description"]
    assert config["output_path"] == f"env.{name}.toml"
    assert not config.get("force", False)
    assert config.get("expand", True)
    assert "only" not in config


@pytest.mark.parametrize("name", CONFIGS)
def test_a_config_is_written_by_one_hand(name):
    text = (ROOT / "configs" / f"{name}.json").read_text(encoding="utf-8")
    assert text.isascii()
    assert text.endswith("}\n")
    assert not re.search(r"\t| \n|\r", text)
    assert not re.search(r"\b(hf_[A-Za-z0-9]{8}|nvapi-|sk-\w{6})", text), "a literal secret"


@pytest.mark.parametrize("cluster", CLUSTERS)
def test_profiles(cluster):
    config = config_of(cluster)
    assert config["sections"].keys() == names(cluster) | {"wandb"}
    assert profiles_of(cluster).keys() == names(cluster)
    required = config["checks"]["required_profiles"]
    assert set(required) == names(cluster)
    assert len(required) == len(set(required))
    assert {table["executor"] for table in profiles_of(cluster).values()} == {cluster}


@pytest.mark.parametrize("cluster", CLUSTERS)
def test_recommended_nodes(cluster):
    rlhf = f"{cluster}_rl_nemo_rl_rlhf"
    assert config_of(cluster)["checks"]["recommended_min_nodes"] == {rlhf: 4}
    assert profiles_of(cluster)[rlhf]["nodes"] == 4


@pytest.mark.parametrize("cluster", CLUSTERS)
def test_steps(cluster):
    found: dict[str, set[str]] = {}
    for profile, commands in config_of(cluster)["steps"].items():
        for command in commands:
            assert re.fullmatch(r"[a-z_/]+ -c \w+( \w+=\w+)*", command)
            found.setdefault(command.split(" ")[0], set()).add(profile)
    assert found == {step: {f"{cluster}_{name}" for name in by.split()} for step, by in STEPS.items()}


@pytest.mark.parametrize("name", CONFIGS)
def test_the_file_says_how_to_run_every_step(name):
    cluster = name.partition("-")[0]
    lines = env_toml.generate(name).splitlines()
    for step, by in STEPS.items():
        for suffix in by.split():
            profile = f"{cluster}_{suffix}"
            above = lines[: lines.index(f"[{profile}]")]
            comments = [line for line in above[-6:] if line.startswith(f"# nemotron steps run {step} -c ")]
            assert any(line.endswith(f" --batch {profile}") for line in comments), f"{step} of {profile}"


@pytest.mark.parametrize("name", CONFIGS)
def test_the_base_profiles_serve_no_step(name):
    cluster = name.partition("-")[0]
    served = {f"{cluster}_{suffix}" for by in STEPS.values() for suffix in by.split()}
    assert names(cluster) - served == {f"{cluster}_{base}" for base in ("base", "prep_base", "curator_base")}


@pytest.mark.parametrize("suffix", TOKENIZER)
@pytest.mark.parametrize("cluster", CLUSTERS)
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


@pytest.mark.parametrize("name", CONFIGS)
def test_site_values_lead_to_a_value(name):
    document = read_toml(env_toml.generate(name))
    own = config_of(name)["checks"]["site_values"]
    assert own
    for key, meaning in own.items():
        value = document
        for part in key.split("."):
            value = value[int(part)] if isinstance(value, list) else value[part]
        assert value, key
        assert meaning.strip(), key
        assert "\n" not in meaning, key


@pytest.mark.parametrize("name", CONFIGS)
def test_every_variable_has_a_default_or_is_always_set(name):
    bare = set(re.findall(r"\$\{oc\.env:(\w+)\}", env_toml.generate(name)))
    assert bare <= {"USER"}


@pytest.mark.parametrize("name", CONFIGS)
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


# ---------------------------------------------------------------------------------- slurm-airgap


def test_an_airgapped_site_names_no_public_registry():
    assert "nvcr.io" not in env_toml.generate("slurm-airgap")


def test_an_airgapped_site_runs_the_same_images():
    mirrored, public = profiles_of("slurm-airgap"), profiles_of("slurm")
    assert mirrored.keys() == public.keys()
    for profile, table in mirrored.items():
        registry, _, image = table["container_image"].partition("/")
        assert registry == "${oc.env:NEMOTRON_IMAGE_REGISTRY,registry.example.com}", profile
        assert f"nvcr.io/{image}" == public[profile]["container_image"], profile


def test_an_airgapped_site_is_offline_in_every_profile():
    for profile, table in profiles_of("slurm-airgap").items():
        assert OFFLINE.items() <= table["env_vars"].items(), profile
        for index in ("PIP_INDEX_URL", "UV_DEFAULT_INDEX"):
            assert table["env_vars"][index].startswith("${oc.env:PIP_INDEX_URL,"), profile


def test_an_airgapped_site_differs_in_nothing_else():
    for profile, table in profiles_of("slurm-airgap").items():
        public = profiles_of("slurm")[profile]
        changed = {key for key in table.keys() | public.keys() if table.get(key) != public.get(key)}
        assert changed == {"container_image", "env_vars"}, profile
        assert public["env_vars"].items() <= table["env_vars"].items(), profile
