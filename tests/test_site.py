"""A site's facts, said once: variables, images, patterns, commands, reach, placeholders, as a site uses them."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pytest
from cli import CLUSTERS, CONFIGS, RESERVED, read_toml
from helpers import assert_says, generate, refusal, write_config
from omegaconf import OmegaConf
from rows import each_row
from test_configs import PUBLIC, SITE_VALUES, STEP_VALUES, STEPS, complete, names, resolve

import env_toml

# What to answer where more than a name is asked for.
ANSWERS = {
    "SLURM_MOUNT": "/site7:/site7",
    "NEMOTRON_WORKSPACE": "/site7",
    "NEMOTRON_HOST_MOUNT": "/site7",
    "NEMOTRON_MOUNT_FROM": "node-nfs:site7",
    "PIP_INDEX_URL": "https://site7/simple",
    "DGXCLOUD_BASE_URL": "https://site7/api/v1",
    "DGXCLOUD_KUBE_APISERVER_URL": "https://site7/k8s",
}
PLACEHOLDERS = r"example\.(com|org)|masked-|/path/to|lepton-node-group|amlfs|playbook-storage"


def profiles_of(document):
    return {name: table for name, table in document.items() if name not in RESERVED}


def commands_of(text):
    """Return the commands above the profiles, as a shell takes them apart, with the profile of each."""
    commands = []
    for line in text.splitlines():
        if line.startswith("# nemotron steps run "):
            words = shlex.split(line[2:])
            commands.append((words[words.index("--batch") + 1], words))
    assert commands
    return commands


def carried(words):
    """Return what a command carries in run.env, by key, as its reader takes it."""
    values = [word[len("run.env.") :] for word in words if word.startswith("run.env.")]
    return OmegaConf.to_container(OmegaConf.from_dotlist(values))


def own_values(words):
    """Return what the config of a command's step sets itself, as measured."""
    values = STEP_VALUES.get(" ".join(words[3:6]), {})
    return {key: value for key, value in values.items() if key != "mounts"}


def asked_for(out):
    return re.findall(r"^  variables\.(\w+)=\.\.\. ", out, re.MULTILINE)


def site_values_of(name):
    below = {"slurm-airgap": ["slurm", "_steps"]}.get(name, ["_steps"])
    return {variable for part in (name, *below) for variable in SITE_VALUES[part].split()}


@pytest.fixture
def site(clean):
    """Write a site config that builds on another; return its name."""

    def site(defaults, name="site.json", **content):
        write_config(Path(name), {"defaults": defaults, **content})
        return name

    return site


# ------------------------------------------------------------------------------------------ variables


def test_a_variable_reaches_every_profile(clean):
    written = profiles_of(generate("slurm", "variables.SLURM_ACCOUNT=acme"))
    assert {table["account"] for table in written.values()} == {"${oc.env:SLURM_ACCOUNT,acme}"}


@each_row(
    "config",
    [
        {"images": {"nvcr.io/": "${oc.env:MINE}/"}},
        {"variables": {"SLURM_ACCOUNT": "${oc.env:MINE}"}},
        {"step_values": {"a/b -c d": {"container_image": "${oc.env:MINE}/x"}}},
        {"sections": {"slurm_base": {"account": "${oc.env: MINE , 'x'}"}}},
        {"sections": {"slurm_base": {"env_vars": {"A": "a ${oc.env:MINE,x}"}}}},
    ],
)
def test_a_variable_is_used_where_any_text_names_it(site, config):
    variables = {**config.get("variables", {}), "MINE": "mine"}
    generate(site("slurm", **{**config, "variables": variables}))
    told = refusal(generate, site("slurm", **{**config, "variables": {"MINES": "x"}}))
    assert "no profile uses ${oc.env:MINES}" in str(told)


def test_a_long_chain_of_variables_costs_in_proportion(site):
    """Each is put in once for each text that names it; twice would be a million times here."""
    variables = {f"V{n}": f"${{oc.env:V{n + 1}}} ${{oc.env:HOME,x}}" for n in range(20)}
    sections = {"p": {"executor": "local", "env_vars": {"A": "${oc.env:V0}"}}}
    text = generate(site("lepton", variables={**variables, "V20": "end"}, sections=sections))
    assert text["p"]["env_vars"]["A"].startswith("${oc.env:V0,'${oc.env:V1,")


def test_a_cycle_of_variables_is_told_beside_what_it_leaves_wrong():
    words = ["variables.NEMO_RUN_DIR=${oc.env:NEMOTRON_WORKSPACE}"]
    words += ["variables.NEMOTRON_WORKSPACE=${oc.env:NEMO_RUN_DIR}"]
    error = refusal(env_toml.make_plan, "dgxcloud", words)
    origins = {finding.keys: finding.origin for finding in error.findings}
    assert origins == {
        ("variables", "NEMOTRON_WORKSPACE"): "variables.NEMOTRON_WORKSPACE",
        ("sections", "dgxcloud_base", "pvc_nemo_run_dir"): "dgxcloud",
    }


def test_a_cycle_of_variables_hides_no_other_mistake():
    words = ["variables.SLURM_PARTITION=${oc.env:SLURM_GPU_PARTITION}", "sections.*.nodes=x"]
    words += ["variables.SLURM_GPU_PARTITION=${oc.env:SLURM_PARTITION}"]
    words += ["checks.site_values.SLURM_GPU_PARTITION=foo"]
    error = refusal(env_toml.make_plan, "slurm", words, True)
    told = {finding.keys for finding in error.findings}
    assert ("variables", "SLURM_GPU_PARTITION") in told
    assert ("variables", "SLURM_HOST") in told  # its placeholder
    assert ("sections", "*", "nodes") in told


def test_a_variable_reaches_the_values_of_others(clean):
    written = generate("slurm", "variables.NEMOTRON_WORKSPACE=/fs/team")
    public = json.dumps({name: complete(PUBLIC["slurm"], name) for name in PUBLIC["slurm"]})
    moved = json.loads(public.replace("/lustre/$USER", "/fs/team"))
    assert resolve(written) == moved
    assert written["slurm_base"]["remote_job_dir"] == (
        "${oc.env:NEMO_RUN_DIR,${oc.env:NEMOTRON_WORKSPACE,/fs/team}/nemo-run}"
    )


def test_a_partition_reaches_those_that_follow_it(clean):
    written = profiles_of(resolve(generate("slurm", "variables.SLURM_PARTITION=gpu")))
    for name, table in written.items():
        public = complete(PUBLIC["slurm"], name)["partition"]
        assert table["partition"] == {"batch": "gpu", "cpu": "cpu"}[public], name


IN_PLACE = {
    "A": "${oc.env:X}",
    "B": "${oc.env:X,b}",
    "C": "\\${oc.env:X}",
    "D": "a/${oc.env:X}/${oc.env:Y}",
    "E": "${oc.env:X,''}",
    "F": "${oc.env:Z,${oc.env:X}}",
}


@pytest.fixture
def own(clean, tmp_path):
    sections = {"p": {"executor": "local", "env_vars": IN_PLACE}}
    write_config(tmp_path / "own.json", {"variables": {"X": "a"}, "sections": sections})
    return "own.json"


def test_a_default_written_in_place_stays(own):
    assert generate(own)["p"]["env_vars"] == {
        **IN_PLACE,
        "A": "${oc.env:X,a}",
        "D": "a/${oc.env:X,a}/${oc.env:Y}",
        "F": "${oc.env:Z,${oc.env:X,a}}",
    }


def test_a_later_variable_replaces_a_default_written_before(own, site):
    sections = {"q": {"extends": "p", "env_vars": {"G": "${oc.env:X,g}", "H": "${oc.env:X}"}}}
    for words in ([], ["variables.X=z"]):
        written = generate(site(own, variables={"X": "y"}, sections=sections), *words)["q"]
        value = "z" if words else "y"
        assert written["env_vars"] == {
            "A": f"${{oc.env:X,{value}}}",
            "B": f"${{oc.env:X,{value}}}",
            "C": "\\${oc.env:X}",
            "D": f"a/${{oc.env:X,{value}}}/${{oc.env:Y}}",
            "E": f"${{oc.env:X,{value}}}",
            "F": f"${{oc.env:Z,${{oc.env:X,{value}}}}}",
            "G": "${oc.env:X,z}" if words else "${oc.env:X,g}",
            "H": f"${{oc.env:X,{value}}}",
        }


def test_a_default_of_a_later_word_stays(own):
    words = ["variables.X=z", "sections.p.env_vars.A=${oc.env:X,w}"]
    assert generate(own, *words)["p"]["env_vars"]["A"] == "${oc.env:X,w}"
    assert generate(own, *reversed(words))["p"]["env_vars"]["A"] == "${oc.env:X,z}"


def test_a_later_layer_names_an_earlier_variable(own, site):
    sections = {"p": {"env_vars": {"A": "${oc.env:X}/later"}}}
    assert generate(site(own, sections=sections))["p"]["env_vars"]["A"] == "${oc.env:X,a}/later"


def test_what_another_resolver_is_given_stays(own):
    words = ["sections.p.env_vars.A=${oc.env:X,b}/${lower:X}", "variables.X=z"]
    assert generate(own, *words)["p"]["env_vars"]["A"] == "${oc.env:X,z}/${lower:X}"


def test_null_takes_a_variable_away(own):
    assert generate(own, "variables.X=null")["p"]["env_vars"]["A"] == "${oc.env:X}"


QUOTED = {
    "acme": "acme",
    "/fs/team": "/fs/team",
    "a=b": "'a=b'",
    "a,b": "'a,b'",
    "it's": r"'it\'s'",
    "1.50": "'1.50'",
    "007": "'007'",
    "true": "'true'",
    "a (b)": "'a (b)'",
    "": "''",
    "${oc.env:USER}/x": "${oc.env:USER}/x",
}


@pytest.mark.parametrize(("value", "written"), QUOTED.items())
def test_a_value_is_quoted_where_it_cannot_stand_bare(own, value, written):
    document = generate(own, f"variables.X={value}")
    assert document["p"]["env_vars"]["A"] == f"${{oc.env:X,{written}}}"


def test_configs_side_by_side_keep_each_their_own(site):
    both = site(["slurm", "lepton"])
    written = resolve(generate(both))
    assert written["slurm_base"]["workspace"] == "/lustre/$USER"
    assert written["lepton_base"]["workspace"] == "/mnt/lustre-shared"
    for cluster in ("slurm", "lepton"):
        for name in names(cluster):
            assert written[name] == complete(PUBLIC[cluster], name)


FACTS = {"variables": {"SLURM_HOST": "login.corp"}}


@pytest.mark.parametrize("order", [["slurm", "facts.json"], ["facts.json", "slurm"]])
def test_a_value_beside_the_config_that_has_its_own_is_told(site, order):
    """It would reach nothing: of configs side by side each keeps its own."""
    write_config(Path("facts.json"), FACTS)
    error = refusal(env_toml.generate, site(order))
    assert_says(
        error, ["variables.SLURM_HOST: it reaches no text", "side by side", "(in facts.json)"]
    )
    words = ["variables.SLURM_HOST=other"]
    assert generate(site(order), *words)["slurm_base"]["host"] == "${oc.env:SLURM_HOST,other}"


@pytest.mark.parametrize("account", ["x", "y"])
def test_of_two_over_the_same_config_the_later_wins(site, account):
    """Each reaches the texts of that one, so nothing keeps its own."""
    for name, value in (("one.json", "x"), ("two.json", account)):
        site("slurm", name, variables={"SLURM_ACCOUNT": value})
    document = generate(site(["one.json", "two.json"]))
    assert document["slurm_base"]["account"] == f"${{oc.env:SLURM_ACCOUNT,{account}}}"


def test_a_value_beside_a_config_without_one_of_its_own_reaches_it(site):
    write_config(Path("facts.json"), {"variables": {"TEAM": "one"}})
    write_config(Path("more.json"), {"variables": {"TEAM": "two"}})
    mine = {"sections": {"mine": {"executor": "local", "env_vars": {"A": "${oc.env:TEAM}"}}}}
    write_config(Path("mine.json"), mine)
    document = generate(site(["mine.json", "facts.json"]))
    assert document["mine"]["env_vars"] == {"A": "${oc.env:TEAM,one}"}
    error = refusal(env_toml.generate, site(["facts.json", "mine.json", "more.json"]))
    assert_says(error, ["variables.TEAM: it reaches no text", "(in facts.json)"])
    mine = {"sections": {"mine": {"executor": "local", "env_vars": {"A": "${oc.env:TEAM,own}"}}}}
    write_config(Path("mine.json"), mine)
    document = generate(site(["mine.json", "facts.json"]))
    assert document["mine"]["env_vars"] == {"A": "${oc.env:TEAM,own}"}


def test_a_profile_beside_its_cluster_gets_the_clusters_values(site):
    mine = {"extends": "slurm_curate", "env_vars": {"OUT": "${oc.env:NEMOTRON_WORKSPACE}/o"}}
    write_config(Path("mine.json"), {"sections": {"mine": mine}})
    document = resolve(generate(site(["slurm", "mine.json"])))
    assert document["mine"]["env_vars"]["OUT"] == "/lustre/$USER/o"


def test_a_text_takes_the_value_of_what_it_builds_on_before_that_of_another(site):
    mine = {"extends": "slurm_curate", "env_vars": {"OUT": "${oc.env:NEMOTRON_WORKSPACE}/o"}}
    site("slurm", "mine.json", sections={"mine": mine})
    document = resolve(generate(site(["mine.json", "lepton"])))
    assert document["mine"]["env_vars"]["OUT"] == "/lustre/$USER/o"


def test_a_placeholder_of_one_config_is_told_although_another_has_a_value(call, site):
    own = {"p": {"executor": "local", "env_vars": {"H": "${oc.env:SLURM_HOST}"}}}
    write_config(Path("facts.json"), {**FACTS, "sections": own})
    site(["slurm", "facts.json"], output_path="env.toml")
    said = call("-c", "site.json")
    assert "variables.SLURM_HOST=..." in said.out
    assert "SLURM_HOST,login.example.com}" in Path("env.toml").read_text()


@pytest.mark.parametrize("by", ["a word", "the file itself"])
def test_until_a_later_layer_says_it_for_both(site, by):
    content = {"variables": {"NEMOTRON_WORKSPACE": "/x"}} if by == "the file itself" else {}
    words = [] if content else ["variables.NEMOTRON_WORKSPACE=/x"]
    written = resolve(generate(site(["slurm", "lepton"], **content), *words))
    assert written["slurm_base"]["workspace"] == written["lepton_base"]["workspace"] == "/x"


@each_row(
    "text",
    [
        "${oc.env: SITE}",
        "${oc.env :SITE}",
        "${oc.env : SITE }",
        "${ oc.env:SITE }",
        "${oc.env:SITE ,old}",
        "${oc.env:SITE, 'old'}",
    ],
)
def test_a_variable_reaches_however_it_is_asked_for(text, tmp_path):
    base = {
        "sections": {"p": {"executor": "local", "env_vars": {"A": text, "B": f"<{text}/\\{text}>"}}}
    }
    write_config(tmp_path / "base.json", base)
    site = {"defaults": "base.json", "variables": {"SITE": "new"}}
    written = generate(write_config(tmp_path / "site.json", site))["p"]["env_vars"]
    assert written == {"A": "${oc.env:SITE,new}", "B": f"<${{oc.env:SITE,new}}/\\{text}>"}


EDITED = {  # what words make of ["${oc.env:M,/a:/a}", "/x:/x"], where a later layer sets M to /b:/b
    "an item after it": (["sections.p.mounts+=/c:/c"], ["${oc.env:M,/b:/b}", "/x:/x", "/c:/c"]),
    "two of them": (
        ["sections.p.mounts+=/c:/c", "sections.p.mounts+=/d:/d"],
        ["${oc.env:M,/b:/b}", "/x:/x", "/c:/c", "/d:/d"],
    ),
    "another item": (["sections.p.mounts[1]=/c:/c"], ["${oc.env:M,/b:/b}", "/c:/c"]),
    "an item removed": (["sections.p.mounts[1]=null"], ["${oc.env:M,/b:/b}"]),
    "an item with a default": (
        ["sections.p.mounts+=${oc.env:M,/c:/c}"],
        ["${oc.env:M,/b:/b}", "/x:/x", "${oc.env:M,/c:/c}"],
    ),
    "the item itself": (["sections.p.mounts[0]=${oc.env:M,/c:/c}"], ["${oc.env:M,/c:/c}", "/x:/x"]),
    "the whole list": (["sections.p.mounts=[${oc.env:M,/a:/a}]"], ["${oc.env:M,/a:/a}"]),
    "the whole list after an item": (
        ["sections.p.mounts+=/c:/c", "sections.p.mounts=[${oc.env:M,/a:/a}]"],
        ["${oc.env:M,/a:/a}"],
    ),
}


@each_row("name", EDITED)
@each_row("heir", [False, True])
def test_a_word_leaves_the_other_items_of_a_list_to_their_layers(tmp_path, name, heir):
    slurm = {"executor": "slurm", "tunnel": "ssh", "remote_job_dir": "/j"}
    slurm["mounts"] = ["${oc.env:M,/a:/a}", "/x:/x"]
    sections = {"b": slurm, "p": {"extends": "b"}} if heir else {"p": slurm}
    write_config(tmp_path / "base.json", {"sections": sections})
    site = {"defaults": "base.json", "variables": {"M": "/b:/b"}}
    words, mounts = EDITED[name]
    written = generate(write_config(tmp_path / "site.json", site), *words)
    assert written["p"]["mounts"] == mounts


def test_a_word_leaves_the_other_keys_of_an_item_to_their_layers(tmp_path):
    clusters = {"defaults": ["slurm", "lepton", "dgxcloud"]}
    both = write_config(tmp_path / "both.json", clusters)
    (before,) = generate(both)["lepton_base"]["mounts"]
    (after,) = generate(both, "sections.lepton_base.mounts[0].path=/x")["lepton_base"]["mounts"]
    assert after == {**before, "path": "/x"}
    assert "/mnt/lustre-shared" in after["mount_path"]


def test_a_command_carries_an_image_that_is_called_container(site):
    steps = {"mine": ["sft/automodel -c tiny"]}
    slurm = {"executor": "slurm", "tunnel": "ssh", "remote_job_dir": "/x", "container": "my/img:1"}
    text = env_toml.generate(
        str(site("slurm", sections={"mine": slurm}, steps=steps, images={"nvcr.io/": "r#"}))
    )
    assert "--batch mine run.env.container_image=my/img:1\n" in text


def test_a_cycle_of_variables_is_an_error(clean):
    words = [
        "variables.SLURM_PARTITION=${oc.env:SLURM_GPU_PARTITION}",
        "variables.SLURM_GPU_PARTITION=${oc.env:SLURM_PARTITION}",
    ]
    told = str(refusal(env_toml.generate, "slurm", words))
    assert_says(told, ["SLURM_PARTITION -> SLURM_GPU_PARTITION", "variables."])


def test_a_cycle_that_no_text_leads_into_is_one_too(own, site):
    variables = {"A": "${oc.env:B}", "B": "${oc.env:A}"}
    assert_says(
        refusal(generate, site(own, variables=variables)), ["returns to itself: A -> B -> A"]
    )


def test_a_variable_that_no_profile_uses_is_an_error(clean):
    (finding,) = refusal(env_toml.generate, "slurm", ["variables.SLURM_ACOUNT=x"]).findings
    assert finding.keys == ("variables", "SLURM_ACOUNT")
    assert_says(finding, ["did you mean SLURM_ACCOUNT?", "(in variables.SLURM_ACOUNT)"])


# ---------------------------------------------------------------------------------------- placeholders


@each_row("name", CONFIGS)
def test_all_that_a_site_must_choose_is_asked_for(call, name):
    seen = call("-c", name)
    assert set(asked_for(seen.out)) == site_values_of(name)
    meanings = env_toml.make_plan(name, []).config.values["checks"]["site_values"]
    for variable in asked_for(seen.out):
        assert re.search(
            rf"variables\.{variable}=\.\.\. +{re.escape(meanings[variable])}\n", seen.out
        )


@each_row("name", CONFIGS)
def test_answering_all_that_is_asked_leaves_no_placeholder(call, tmp_path, name):
    refused = call("-c", name, "--strict", "output_path=out.toml")
    assert (refused.exit, refused.out) == (2, "")
    words = []
    for variable in sorted(site_values_of(name)):
        assert f"variables.{variable}: still a placeholder" in refused.err
        words.append(f"variables.{variable}={ANSWERS.get(variable, 'site7')}")
    seen = call("-c", name, "--strict", *words, "output_path=out.toml")
    assert (seen.exit, seen.err) == (0, "")
    assert "placeholder" not in seen.out
    text = (tmp_path / "out.toml").read_text(encoding="utf-8")
    assert not re.search(PLACEHOLDERS, text)


def test_a_variable_that_is_set_is_not_asked_for(call, monkeypatch):
    monkeypatch.setenv("SLURM_HOST", "login7")
    assert "SLURM_HOST" not in asked_for(call("-c", "slurm").out)
    monkeypatch.setenv("SLURM_HOST", "")
    assert "SLURM_HOST" in asked_for(call("-c", "slurm", "-f").out)


def test_the_bundled_value_said_by_the_site_is_an_answer(call):
    seen = call("-c", "slurm", "variables.SLURM_PARTITION=batch")
    assert set(asked_for(seen.out)) == site_values_of("slurm") - {"SLURM_PARTITION"}


def test_only_what_is_in_the_written_text_is_asked_for(call):
    seen = call("-c", "slurm", "sections.*.host=login", "sections.wandb=null")
    assert set(asked_for(seen.out)) == site_values_of("slurm") - {"SLURM_HOST", "WANDB_ENTITY"}
    seen = call("-c", "slurm", "-f", "only=[slurm_base]")
    assert set(asked_for(seen.out)) == site_values_of("slurm") - {"SLURM_CPU_PARTITION"}


# ---------------------------------------------------------------------------------------------- images


REGISTRY = "registry.corp:5000#"


@each_row("how", ["a table", "a word"])
@each_row("cluster", CLUSTERS)
def test_images_move_every_image(site, cluster, how):
    content = {"images": {"nvcr.io/": REGISTRY}} if how == "a table" else {}
    words = [] if content else [f"images[nvcr.io/]={REGISTRY}"]
    text = env_toml.generate(site(cluster, **content), words)
    assert "nvcr.io" not in text.replace("images[nvcr.io/]", "")
    for name, table in profiles_of(read_toml(text)).items():
        public = complete(PUBLIC[cluster], name)["container_image"]
        assert table["container_image"] == public.replace("nvcr.io/", REGISTRY)
    for _, words in commands_of(text):
        image = own_values(words).get("container_image")
        expected = {"container_image": image.replace("nvcr.io/", REGISTRY)} if image else {}
        assert carried(words) == expected, words


def test_the_longest_key_of_images_wins(site):
    images = {
        "nvcr.io/nvidia/nemo-rl:v0.6.0": "/img/rl.sqsh",
        "nvcr.io/": "r/",
        "nvcr.io/nvidia/nemo-": "s/",
    }
    for order in (images, dict(reversed(images.items()))):
        written = generate(site("slurm", images=order))
        assert written["slurm_rl_nemo_rl_dpo"]["container_image"] == "/img/rl.sqsh"
        assert written["slurm_curate"]["container_image"] == "s/curator:26.02"
        assert written["slurm_base"]["container_image"] == "r/nvidia/nemo:25.11.nemotron_3_nano"


@each_row(
    ("start", "warned"),
    [
        ("nvcr.oi/", True),
        ("NVCR.io/", True),
        ("vcr.io/", True),
        ("nvcr.io:", True),
        ('"', True),
        ("nvcr.io/nvidia/nemo-curator", False),
        ("nvcr.io/nvidia/nemo-rl:v0.6.0", False),
    ],
)
def test_a_key_of_images_with_which_none_begins_is_warned_of(start, warned):
    found = env_toml.make_plan("slurm", [f"images[{start}]=r/"]).warnings
    told = [f"images.{start}: no image begins with this, so none is moved (in images[{start}])"]
    assert list(map(str, found)) == told * warned


def test_a_key_of_images_for_an_image_of_a_step_alone_is_not(site):
    values = {"a/b -c d": {"container_image": "quay.io/x:1"}}
    steps = {"slurm_curate": ["a/b -c d"]}
    name = site("slurm", images={"quay.io/": "r/"}, steps=steps, step_values=values)
    assert env_toml.make_plan(name, []).warnings == []


@pytest.mark.parametrize("field", ["container_image", "container"])
def test_a_command_carries_the_profiles_image_where_that_alone_is_moved(site, field):
    """Else the job would get the step's own image from where a site cannot reach it."""
    slurm = {"executor": "slurm", "tunnel": "ssh", "remote_job_dir": "/x", field: "nvcr.io/a:2"}
    bundled = {
        "steps": {"mine": ["a/b -c d"]},
        "step_values": {"a/b -c d": {"container_image": "nvcr.io/a:1"}},
        "sections": {"mine": slurm},
    }
    layers = [env_toml.Layer("bundled", True, bundled, 0, set())]
    for images, carried in [
        ({"nvcr.io/a:2": "/img/a.sqsh"}, " run.env.container_image=/img/a.sqsh"),
        ({"nvcr.io/": "r/"}, " run.env.container_image=r/a:1"),
        ({"nvcr.io/a:1": "/img/b.sqsh"}, " run.env.container_image=/img/b.sqsh"),
        ({"quay.io/": "r/"}, ""),
    ]:
        site_layer = env_toml.layer_over(layers, "site", {"images": images})
        plan = env_toml.plan_layers("site", [], [*layers, site_layer], env_toml.Report())
        assert plan.commands["mine"] == [f"nemotron steps run a/b -c d --batch mine{carried}"]


def test_images_reach_all_three_fields_and_no_others(site):
    own = {
        "container": "nvcr.io/a",
        "build_image": "nvcr.io/b",
        "build_registry": "nvcr.io/c",
        "env_vars": {"IMAGE": "nvcr.io/d"},
    }
    sections = {"slurm_curate": own, "cli": {"container_image": "nvcr.io/e"}}
    written = generate(site("slurm", images={"nvcr.io/": "r/"}, sections=sections))
    curate = written["slurm_curate"]
    assert (curate["container"], curate["build_image"]) == ("r/a", "r/b")
    assert (curate["build_registry"], curate["env_vars"]["IMAGE"]) == ("nvcr.io/c", "nvcr.io/d")
    assert written["cli"] == {"container_image": "nvcr.io/e"}


def test_an_image_that_begins_with_no_key_stays(site):
    written = generate(site("slurm", images={"docker.io/": "r/"}))
    assert written["slurm_base"]["container_image"].startswith("nvcr.io/")


# --------------------------------------------------------------------------------------------- patterns


def test_a_pattern_in_a_word_means_every_profile_that_it_matches(clean):
    written = profiles_of(generate("slurm", "sections.slurm_sft_*.nodes=6"))
    for name, table in written.items():
        public = complete(PUBLIC["slurm"], name)["nodes"]
        inherited = name in ("slurm_peft_megatron_bridge", "slurm_peft_automodel")
        assert table["nodes"] == (6 if name.startswith("slurm_sft_") or inherited else public), name


def test_a_pattern_reaches_all_and_no_reserved_section(clean):
    written = generate("slurm", "sections.*.time=04:00:00")
    assert {table["time"] for table in profiles_of(written).values()} == {"04:00:00"}
    assert written["wandb"].keys() == {"project", "entity"}


def test_a_pattern_appends_to_each_list(clean):
    written = generate("slurm", "sections.slurm_*_automodel.startup_commands+=true")
    for name in ("slurm_pretrain_automodel", "slurm_sft_automodel", "slurm_peft_automodel"):
        public = complete(PUBLIC["slurm"], name)["startup_commands"]
        assert written[name]["startup_commands"][: len(public)] == public
        assert written[name]["startup_commands"][len(public) :][:1] == ["true"]


def test_a_pattern_removes_profiles(clean):
    written = generate("slurm", "sections.*_tokenizer_*=null")
    assert len(profiles_of(written)) == 33 - 4


def test_only_takes_patterns_and_drops_nothing_that_is_checked(clean):
    written = generate("slurm", "only=[slurm_sft_*, *_curate]")
    chosen = {"slurm_sft_megatron_bridge", "slurm_sft_automodel", "slurm_curate"}
    assert profiles_of(written).keys() == chosen
    told = refusal(
        env_toml.generate, "slurm", ["only=[slurm_sft_*]", "sections.slurm_curate.nodes=0"]
    )
    assert_says(told, ["slurm_curate.nodes"])


@pytest.mark.parametrize("cluster", CLUSTERS)
def test_any_profile_may_be_dropped(clean, cluster):
    name = f"{cluster}_eval_model_eval"
    text = env_toml.generate(cluster, [f"sections.{name}=null"])
    assert profiles_of(read_toml(text)).keys() == names(cluster) - {name}
    assert f"--batch {name}" not in text


# --------------------------------------------------------------------------------------------- commands


@pytest.mark.parametrize("cluster", CLUSTERS)
def test_with_bundled_values_no_command_carries_any(clean, cluster):
    for words in ([], ["expand=false"], ["variables.NEMOTRON_WORKSPACE=/x"]):
        assert "run.env" not in env_toml.generate(cluster, words)


SITE = {"container_image": "/img/site.sqsh", "nodes": 17, "gpus_per_node": 3, "nprocs_per_node": 5}


@each_row("key", SITE)
@each_row("cluster", CLUSTERS)
def test_a_command_carries_what_the_step_would_win_over_and_nothing_else(clean, cluster, key):
    text = env_toml.generate(cluster, [f"sections.*.{key}={SITE[key]}"])
    count = 0
    for _, words in commands_of(text):
        expected = {key: SITE[key]} if key in own_values(words) else {}
        assert carried(words) == expected, words
        count += len(expected)
    assert count >= 8


@pytest.mark.parametrize("how", ["a site config", "a word"])
def test_a_value_in_a_parent_reaches_the_commands_of_its_heirs(site, how):
    """nodes of slurm_sft_megatron_bridge are those of three heirs; the first step sets none itself."""
    parent = "slurm_sft_megatron_bridge"
    content = {"sections": {parent: {"nodes": 9}}} if how == "a site config" else {}
    words = [] if content else [f"sections.{parent}.nodes=9"]
    text = env_toml.generate(site("slurm", **content), words)
    carrying = {profile for profile, words in commands_of(text) if carried(words) == {"nodes": 9}}
    heirs = {"slurm_sft_automodel", "slurm_peft_megatron_bridge", "slurm_peft_automodel"}
    assert carrying == heirs
    assert text.count("run.env.") == 3


def test_what_heirs_do_not_get_is_not_in_their_commands(clean):
    text = env_toml.generate("slurm", ["sections.slurm_base.nodes=9"])
    carrying = {profile for profile, words in commands_of(text) if "nodes" in carried(words)}
    assert carrying == set(), "every profile whose step sets nodes has its own"


def test_a_bundled_value_that_shields_from_the_sites_is_not_carried(site):
    profile = "slurm_sft_megatron_bridge"
    content = {"steps": {profile: [STEP]}, "step_values": {STEP: {"nodes": 7}}}
    text = env_toml.generate(site("slurm", **content), ["sections.slurm_base.nodes=9"])
    assert read_toml(text)[profile]["nodes"] not in (7, 9), "it has its own"
    assert carried(dict(commands_of(text))[profile]) == {}


def test_the_very_value_of_the_step_need_not_be_carried(clean):
    text = env_toml.generate("slurm", ["sections.slurm_sft_automodel.nodes=2"])
    assert "run.env" not in text


def test_a_removed_value_is_not_carried(clean):
    text = env_toml.generate("slurm", ["sections.slurm_rl_nemo_rl_rlhf.persistent_cache=null"])
    assert "run.env" not in text
    text = env_toml.generate("slurm", ["sections.slurm_rl_nemo_rl_rlhf.persistent_cache=/c"])
    (command,) = [words for profile, words in commands_of(text) if profile.endswith("rlhf")]
    assert carried(command) == {"persistent_cache": "/c"}


@each_row(
    ("word", "profile", "value"),
    [
        ("sections.slurm_pretrain_automodel.nodes=null", "slurm_pretrain_automodel", {"nodes": 1}),
        (
            "sections.slurm_sft_automodel.container_image=null",
            "slurm_sft_automodel",
            {"container_image": "nvcr.io/nvidia/nemo:26.04"},
        ),
    ],
)
def test_what_shows_through_after_a_removal_is_carried(clean, word, profile, value):
    text = env_toml.generate("slurm", [word])
    (key, written) = next(iter(value.items()))
    assert read_toml(text)[profile][key] == written
    assert carried(dict(commands_of(text))[profile]) == value


def test_a_command_that_says_a_value_itself_keeps_it(site):
    pinned = "sft/automodel -c tiny run.env.container_image=/fs/my.sqsh"
    steps = {"slurm_sft_automodel": [pinned]}
    text = env_toml.generate(site("slurm", images={"nvcr.io/": "r#"}, steps=steps))
    command = f"# nemotron steps run {pinned} --batch slurm_sft_automodel\n"
    assert command in text


def test_variables_reach_commands(site):
    steps = {"slurm_curate": ["own/step -c x 'out=${oc.env:ONLY_HERE}/x'"]}
    step_values = {"own/step -c x": {"container_image": "nvcr.io/n:${oc.env:TAG}"}}
    variables = {"ONLY_HERE": "/fs", "TAG": "1"}
    images = {"nvcr.io/": "r#"}
    content = {"steps": steps, "step_values": step_values, "variables": variables}
    text = env_toml.generate(site("slurm", images=images, **content))
    (command,) = [words for _, words in commands_of(text) if "own/step" in words]
    assert "out=${oc.env:ONLY_HERE,/fs}/x" in command
    assert carried(command) == {"container_image": "r#n:${oc.env:TAG,1}"}


@each_row("value", ["/data/a=b", "1.50", "it's", "a b", "plain"])
def test_a_variable_in_a_command_is_quoted_for_the_shell(site, value):
    steps = {"slurm_curate": ["a/b -c x 'out=${oc.env:OUT}/x' n=1"]}
    text = env_toml.generate(site("slurm", steps=steps, variables={"OUT": value}))
    (command,) = [words for _, words in commands_of(text) if "a/b" in words]
    assert command[:6] == ["nemotron", "steps", "run", "a/b", "-c", "x"]
    assert command[-4:] == [command[-4], "n=1", "--batch", "slurm_curate"]
    assert OmegaConf.create({"a": command[-4]}).a == f"out={value}/x"


@each_row(
    "command",
    ["a/b -c x 'out=${oc.env:SLURM_HOST}", 'a/b -c x "out=$HOME/${oc.env:NOBODYS,x}" $A'],
)
def test_a_command_that_takes_no_variable_stays_as_it_is(site, command):
    """The first has an open quote."""
    text = env_toml.generate(site("slurm", steps={"slurm_curate": [command]}))
    assert f"# nemotron steps run {command} --batch slurm_curate\n" in text


STEP = "own/step -c x"


def carried_over(site, step_values, *words, cluster="slurm", **profile):
    """Return what the command of a step carries that sets these values itself."""
    sections = {f"{cluster}_curate": profile}
    content = {"steps": {f"{cluster}_curate": [STEP]}, "step_values": {STEP: step_values}}
    text = env_toml.generate(site(cluster, sections=sections, **content), words)
    return carried(dict(commands_of(text))[f"{cluster}_curate"])


def test_a_value_in_a_table_is_carried_by_itself(site):
    """The reader merges tables, so the others in them are none of the command's."""
    step = {"env_vars": {"A": "step", "RAY_DEDUP_LOGS": "9"}}
    assert carried_over(site, step, env_vars={"ZZ": "1"}) == {}
    assert carried_over(site, step, env_vars={"A": "site"}) == {"env_vars": {"A": "site"}}
    assert carried_over(site, step, "sections.slurm_base.env_vars.A=x") == {"env_vars": {"A": "x"}}


def test_what_is_warned_of_in_a_step_takes_nothing_from_it(site):
    step = {"env_vars": {"X": {"a": "1"}, "Y": "1"}, "nodes": 7}
    assert carried_over(site, step, env_vars={"Y": "2"}) == {"env_vars": {"Y": "2"}}


def test_a_table_is_carried_whole_where_keys_have_dots_or_the_step_has_no_table(site):
    spec = {"nodeSelector": {"nvidia.com/gpu.product": "H100"}}
    step = {"custom_spec": {"nodeSelector": {"nvidia.com/gpu.product": "A100"}}}
    assert carried_over(site, step, custom_spec=spec, cluster="lepton") == {"custom_spec": spec}
    step = {"sandbox": {"on": True}}
    assert carried_over(site, step, sandbox="none") == {"sandbox": "none"}
    step = {"sandbox": {"c": {"d": 2}, "e": 1}}
    assert carried_over(site, step, sandbox={"c": 7}) == {"sandbox": {"c": 7}}


@each_row("said", ["run.env.nodes=3", "'run.env.nodes=3'", "run.env.nodes.x=3"])
def test_a_command_that_says_a_key_in_any_way_keeps_it(site, said):
    content = {"steps": {"slurm_curate": [f"{STEP} {said}"]}, "step_values": {STEP: {"nodes": 2}}}
    text = env_toml.generate(site("slurm", **content), ["sections.slurm_curate.nodes=5"])
    assert f"# nemotron steps run {STEP} {said} --batch slurm_curate\n" in text
    content["steps"] = {"slurm_curate": [f"{STEP} foo.{said}".replace("foo.'", "'foo.")]}
    text = env_toml.generate(site("slurm", **content), ["sections.slurm_curate.nodes=5"])
    assert text.count("--batch slurm_curate run.env.nodes=5\n") == 1


def test_mounts_are_never_carried_since_the_reader_takes_those_of_both(site):
    assert carried_over(site, {"mounts": ["/q:/q"]}, mounts=["/z:/z"]) == {}


def test_what_the_reader_does_not_take_is_not_carried(site):
    """Of two names of a field it takes one."""
    step = {"container_image": "nvcr.io/s:1"}
    assert carried_over(site, step, container="/x.sqsh") == {}
    assert carried_over(site, {"nprocs_per_node": 8}, ntasks_per_node=4, cluster="slurm") == {}
    assert carried_over(site, {"nprocs_per_node": 6}, ntasks_per_node=4, cluster="lepton") == {}
    taken = carried_over(
        site,
        {"nprocs_per_node": 8},
        "sections.*.nprocs_per_node=null",
        ntasks_per_node=4,
        cluster="lepton",
    )
    assert taken == {"nprocs_per_node": 4}


def test_a_key_of_images_that_changes_nothing_changes_no_command(site):
    image = "nvcr.io/nvidia/nemo:26.04"
    assert "run.env" not in env_toml.generate(site("slurm", images={image: image}))


def test_a_tab_arrives_as_one(site):
    assert carried_over(site, {"setup_lines": "x"}, setup_lines="a\tb") == {"setup_lines": "a\tb"}


def test_commands_are_appended_to_those_that_a_pattern_gives(clean):
    text = env_toml.generate("slurm", ["steps.slurm_convert_model+=a/b -c x"])
    served = [" ".join(words[3:6]) for name, words in commands_of(text) if "convert" in name]
    convert = ["hf_to_megatron", "megatron_to_hf", "merge_lora"]
    assert served == [*(f"convert/{name} -c default" for name in convert), "a/b -c x"]


def served_by(text, profile):
    return [" ".join(words[3:6]) for name, words in commands_of(text) if name == profile]


def test_of_the_keys_of_steps_that_match_the_one_set_last_wins(site):
    config = site("slurm", steps={"slurm_curate": ["a/a -c x"], "slurm_*": ["b/b -c x"]})
    assert served_by(env_toml.generate(config), "slurm_curate") == ["b/b -c x"]
    text = env_toml.generate(config, ["steps.slurm_curate+=c/c -c x"])
    assert served_by(text, "slurm_curate") == ["b/b -c x", "c/c -c x"]
    text = env_toml.generate(config, ["steps.slurm_curate=[d/d -c x]"])
    assert served_by(text, "slurm_curate") == ["d/d -c x"]
    text = env_toml.generate(config, ["steps.slurm_curate+=c/c -c x", "steps.*_curate+=d/d -c x"])
    assert served_by(text, "slurm_curate") == ["b/b -c x", "c/c -c x", "d/d -c x"]


def test_a_pattern_in_a_word_for_steps_appends_to_each(clean):
    text = env_toml.generate("slurm", ["steps.slurm_sft_*+=c/c -c x"])
    assert served_by(text, "slurm_sft_automodel") == ["sft/automodel -c tiny", "c/c -c x"]
    bridge = served_by(text, "slurm_sft_megatron_bridge")
    assert bridge == ["sft/megatron_bridge -c tiny", "c/c -c x"]


CARRIED = {
    "a path with blanks": "/lustre/my images/a.sqsh",
    "a port": "registry.corp:5000#nvidia/nemo:26.04",
    "an interpolation": "${oc.env:REGISTRY,registry.corp}/nemo:26.04",
    "what a shell would take": "a'b\"c$(d);e",
    "what YAML reads as a number": "26.04",
    "what YAML reads as true": "yes",
    "what YAML reads as a comment": "nemo #26",
    "characters beyond 16 bits": "/fs/\U0001f600: x.sqsh",
}


@each_row("name", CARRIED)
def test_what_is_carried_is_quoted_for_the_shell(site, name):
    sections = {"slurm_sft_automodel": {"container_image": CARRIED[name]}}
    text = env_toml.generate(site("slurm", sections=sections))
    found = [carried(words) for profile, words in commands_of(text) if "run.env" in str(words)]
    assert found == [{"container_image": CARRIED[name]}] * 2, "the profile's own, and its heir's"


def test_a_command_keeps_its_own_words(clean):
    text = env_toml.generate(
        "slurm", ["steps.slurm_base=[sft/automodel -c tiny a=b]", "sections.slurm_base.nodes=9"]
    )
    command = "nemotron steps run sft/automodel -c tiny a=b --batch slurm_base run.env.nodes=9"
    assert f"# {command}\n" in text


def test_a_pattern_in_a_key_of_steps_means_the_profiles_that_it_matches(clean):
    text = env_toml.generate("slurm", ["steps[slurm_tokenizer_ext*]=[mine/own -c x]"])
    made = re.findall(r"(?m)^# nemotron steps run mine/own -c x --batch (\S+)$", text)
    assert made == ["slurm_tokenizer_extend"]


def test_the_report_and_show_have_them_too(call):
    word = "sections.slurm_sft_automodel.nodes=4"
    seen = call("-c", "slurm", word)
    count = sum(len(profiles.split()) for profiles in STEPS.values())
    told = rf"^2 of {count} commands end in run\.env\.KEY=VALUE, .*own config"
    assert re.search(told, seen.out, re.MULTILINE), seen.out
    shown = call("-c", "slurm", word, "--show", "slurm_sft_automodel").out
    command = (
        "# nemotron steps run sft/automodel -c tiny --batch slurm_sft_automodel run.env.nodes=4"
    )
    assert shown.splitlines()[1] == command
    assert "run.env" not in call("-c", "slurm", "output_path=other.toml").out


# ------------------------------------------------------------------------------------------------ reach


def keepers(cluster, base, key):
    """Return how many heirs of a profile have another public value than it."""
    values = [complete(PUBLIC[cluster], name).get(key) for name in names(cluster) - {base}]
    return sum(value != PUBLIC[cluster][base][key] for value in values)


@each_row("key", ["partition", "time", "container_image"])
@each_row("how", ["a site config", "a word"])
def test_heirs_that_keep_the_shipped_value_are_counted(site, key, how):
    content = {"sections": {"slurm_base": {key: "9"}}} if how == "a site config" else {}
    words = [] if content else [f"sections.slurm_base.{key}=9"]
    name = site("slurm", **content)
    warnings = env_toml.make_plan(name, words).warnings
    (warning,) = [w for w in warnings if w.keys == ("sections", "slurm_base", key)]
    # of the heirs that have the same public value, some have it of their own
    found = re.match(r"(\d+) of 32 heirs keep their own \(", warning.message)
    assert 32 >= int(found[1]) >= keepers("slurm", "slurm_base", key)
    written = profiles_of(generate(name, *words))
    assert int(found[1]) == sum(table[key] != "9" for table in written.values())
    assert warning.origin == ("site.json" if content else f"sections.slurm_base.{key}")


def test_a_bundled_value_that_a_site_shadows_is_not_told(site):
    """The site comes before the bundled config, which then is the later one."""
    site([], "own.json", sections={"slurm_curate": {"time": "1"}})
    before = env_toml.make_plan(site(["own.json", "slurm"]), [])
    assert before.profiles["slurm_curate"]["time"] == "1"
    assert before.warnings == []


def test_a_pattern_silences_it(site):
    for content, words in (
        ({"sections": {"*": {"time": "04:00:00"}}}, []),
        ({}, ["sections.*.time=04:00:00"]),
        ({"sections": {"*": {"time": "04:00:00"}, "slurm_curate": {"time": "1"}}}, []),
    ):
        assert env_toml.make_plan(site("slurm", **content), words).warnings == []


def test_a_heir_of_the_same_config_is_meant(site):
    sections = {"slurm_base": {"lustre_mount": "/a"}, "slurm_curate": {"lustre_mount": "/b"}}
    assert env_toml.make_plan(site("slurm", sections=sections), []).warnings == []


def test_a_team_and_a_person_are_two(site):
    team = site("slurm", "team.json", sections={"slurm_curate": {"mem": "1G"}})
    person = site(team, sections={"slurm_base": {"mem": "2G"}})
    (warning,) = env_toml.make_plan(person, []).warnings
    assert_says(warning, ["1 of 32 heirs keep their own (slurm_curate)", "(in site.json)"])


# ------------------------------------------------------------------------------- fields that are not read


UNREAD = {
    "slurm": ["workspace", "qos", "node_group", "nprocs_per_node", "run_command"],
    "lepton": ["partition", "code_src_dir", "cpus_per_task", "tunnel"],
    "dgxcloud": ["department", "shared_memory_size", "time"],
}


@pytest.mark.parametrize("cluster", CLUSTERS)
def test_of_two_names_of_a_field_the_one_that_is_not_taken_is_told(clean, cluster):
    name = f"{cluster}_base"
    warnings = env_toml.make_plan(cluster, [f"sections.{name}.ntasks_per_node=4"]).warnings
    told = [str(warning) for warning in warnings if "the reader takes" in str(warning)]
    if cluster == "slurm":
        assert told == [], "Slurm has one name for it"
    else:
        assert_says(told, ["the reader takes nprocs_per_node, which this profile has too"])


def test_a_copy_of_a_bundled_field_that_is_not_read_is_not_told(site):
    """As --edits makes one of a profile of which an inherited key was removed."""
    base = generate("slurm")["slurm_base"]
    copied = {key: base[key] for key in ("executor", "tunnel", "remote_job_dir", "workspace")}
    copied["extends"] = None
    config = site("slurm", sections={"slurm_eval_model_eval": copied})
    assert env_toml.make_plan(config, []).warnings == []
    copied["workspace"] = "/elsewhere"
    config = site("slurm", sections={"slurm_eval_model_eval": copied})
    (warning,) = env_toml.make_plan(config, []).warnings
    assert_says(warning, ["slurm does not read workspace"])
    (warning,) = env_toml.make_plan("lepton", ["sections.lepton_base.time=02:00:00"]).warnings
    assert_says(warning, ["lepton does not read time"])
    both = site(["slurm", "lepton"])
    (warning,) = env_toml.make_plan(both, ["sections.lepton_base.time=02:00:00"]).warnings
    assert_says(warning, ["lepton does not read time"])


@pytest.mark.parametrize("cluster", CLUSTERS)
def test_a_field_that_is_not_read_is_told_only_where_the_site_sets_it(site, cluster):
    values = {
        "time": "1",
        "tunnel": "ssh",
        "nprocs_per_node": 1,
        "cpus_per_task": 1,
        "shared_memory_size": 1,
    }
    own = {field: values.get(field, "x") for field in UNREAD[cluster]}
    sections = {f"{cluster}_curate": own}
    warnings = env_toml.make_plan(site(cluster, sections=sections), []).warnings
    told = sorted(w.keys[2] for w in warnings if "read" in w.message)
    assert told == sorted(UNREAD[cluster])
    assert env_toml.make_plan(cluster, []).warnings == []


# ------------------------------------------------------------------------------------- a realistic site


REALISTIC = {
    "images": {"nvcr.io/": REGISTRY},
    "variables": {
        "SLURM_HOST": "login.corp",
        "SLURM_ACCOUNT": "research",
        "SLURM_PARTITION": "gpu",
        "SLURM_CPU_PARTITION": "cpu-long",
        "SLURM_MOUNT": "/fs:/fs",
        "NEMOTRON_WORKSPACE": "/fs/research/${oc.env:USER}",
        "WANDB_ENTITY": "research",
    },
    "sections": {
        "*": {"time": "04:00:00"},
        "slurm_rl_nemo_rl_rlhf": {"nodes": 8},
        "slurm_sft_long": {"extends": "slurm_sft_automodel", "time": "1-00:00:00"},
    },
    "steps": {"slurm_sft_long": ["sft/automodel -c tiny"]},
}


def test_a_realistic_site_has_nothing_left_to_fill_in(call, site):
    name = site("slurm", output_path="env.toml", **REALISTIC)
    seen = call("-c", name, "--strict")
    assert (seen.exit, seen.err) == (0, "")
    assert seen.out.startswith("wrote env.toml: 34 profiles")
    assert "placeholder" not in seen.out
    text = call("-c", name, "-d").out
    assert not re.search(rf"{PLACEHOLDERS}|nvcr\.io|/lustre", text)
    written = resolve(profiles_of(read_toml(text)))
    assert {table["account"] for table in written.values()} == {"research"}
    assert {table["time"] for table in written.values()} == {"04:00:00", "1-00:00:00"}
    assert {table["partition"] for table in written.values()} == {"gpu", "cpu-long"}
    assert {table["remote_job_dir"] for table in written.values()} == {
        "/fs/research/$USER/nemo-run"
    }
    assert written["slurm_rl_nemo_rl_rlhf"]["nodes"] == 8
    assert "sft/automodel -c tiny --batch slurm_sft_long 'run.env.container_image=registry" in text


def test_an_airgapped_site_builds_on_the_layer(call, site):
    variables = {**REALISTIC["variables"], "NEMOTRON_IMAGE_REGISTRY": "registry.corp:5000"}
    variables["PIP_INDEX_URL"] = "https://packages.corp/simple"
    images = {"nvcr.io/nvidia/nemo-rl:v0.6.0": "/fs/images/nemo-rl.sqsh"}
    name = site("slurm-airgap", variables=variables, images=images)
    assert call("-c", name, "--strict", "output_path=out.toml").exit == 0
    text = env_toml.generate(name)
    assert "nvcr.io" not in text
    written = resolve(profiles_of(read_toml(text)))
    assert written["slurm_rl_nemo_rl_dpo"]["container_image"] == "/fs/images/nemo-rl.sqsh"
    assert written["slurm_curate"]["container_image"] == f"{REGISTRY}nvidia/nemo-curator:26.02"
    images = {carried(words).get("container_image") for _, words in commands_of(text)}
    assert "/fs/images/nemo-rl.sqsh" in images
