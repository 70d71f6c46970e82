"""Literal secrets: which texts are one, what lets them pass, and that none is ever echoed."""

from __future__ import annotations

import os
import stat

import pytest
from helpers import assert_says, generate, load_cases, refusal, write_config
from rows import each_row

import env_toml

CASES = load_cases("secrets")
URLS = CASES["urls"]


def place(finding):
    return ".".join(str(key).replace(".", "\\.") for key in finding.keys)


@pytest.fixture
def plain_umask():
    before = os.umask(0o022)
    yield
    os.umask(before)


def write_variables(folder, variables, **checks):
    sections = {"p": {"executor": "local", "env_vars": variables}}
    return write_config(folder / "site.json", {"checks": checks, "sections": sections})


# ---------------------------------------------------------------------------------- what is a secret


def write_texts(folder, key, texts):
    """Write a config with a profile for each text of a variable."""
    profiles = {
        f"p{number}": {"executor": "local", "env_vars": {key: text}}
        for number, text in enumerate(texts)
    }
    return write_config(folder / "site.json", {"sections": profiles})


@each_row("key", CASES["keys of a secret"])
def test_a_literal_secret_is_refused(tmp_path, key):
    texts = CASES["literal"]
    error = refusal(generate, write_texts(tmp_path, key, texts))
    places = [("sections", f"p{number}", "env_vars", key) for number in range(len(texts))]
    assert [finding.keys for finding in error.findings] == places
    advice = [f"${{oc.env:{key},''}}", f"checks.allow_literal_secrets=[{key}]"]
    for finding in error.findings:
        assert_says(finding, ["a literal secret", *advice])
    assert "hunter2" not in str(error)


@each_row("key", CASES["keys of a secret"])
def test_what_is_no_literal_passes(tmp_path, key):
    written = generate(write_texts(tmp_path, key, CASES["not literal"]))
    assert [table["env_vars"][key] for table in written.values()] == CASES["not literal"]


@each_row("key", CASES["keys of none"])
def test_a_key_that_only_looks_like_a_secrets_holds_any_text(tmp_path, key):
    assert generate(write_variables(tmp_path, {key: "hunter2"}))["p"]["env_vars"] == {
        key: "hunter2"
    }


@each_row("text", URLS["literal"])
def test_a_password_in_a_url_is_refused_in_any_text(tmp_path, text):
    (finding,) = refusal(generate, write_variables(tmp_path, {"HTTPS_PROXY": text})).findings
    assert finding.keys == ("sections", "p", "env_vars", "HTTPS_PROXY")
    assert_says(finding, ["password in a URL", "checks.allow_literal_secrets=[HTTPS_PROXY]"])
    assert "hunter2" not in str(finding)


def test_a_secret_that_a_variable_of_any_name_brings_is_told(tmp_path):
    sections = {"p": {"executor": "local", "client_secret": "${oc.env:PLAIN}"}}
    config = {"variables": {"PLAIN": "hunter2"}, "sections": sections}
    told = refusal(generate, write_config(tmp_path / "site.json", config))
    assert_says(told, ["p.client_secret: a literal secret"])
    assert "hunter2" not in str(told)


def test_a_secret_for_all_profiles_is_told_once():
    """It is that of the word, not of each profile, since no variable brings it."""
    word = "sections.*.env_vars.HF_TOKEN=${oc.env:A,hunter2}"
    (finding,) = [
        finding
        for finding in refusal(env_toml.make_plan, "slurm", [word]).findings
        if finding.level == "error"
    ]
    assert finding.keys == ("sections", "*", "env_vars", "HF_TOKEN")


def test_a_key_with_a_secret_in_it_is_named_without_that(tmp_path):
    (finding,) = refusal(generate, write_variables(tmp_path, {"HF_TOKEN: hunter2": "x"})).findings
    assert str(finding).startswith("p.env_vars.HF_TOKEN...: expected the name of a variable")
    assert "hunter2" not in str(finding)


@each_row("text", URLS["not literal"])
def test_a_url_without_a_password_passes(tmp_path, text):
    assert generate(write_variables(tmp_path, {"PROXY": text}))["p"]["env_vars"] == {"PROXY": text}


@each_row("name", CASES["places"])
def test_a_secret_is_found_wherever_it_stands(tmp_path, name):
    where, config = CASES["places"][name]
    path = write_config(tmp_path / "site.json", config)
    error = refusal(generate, path)
    assert [place(f) for f in error.findings if f.level == "error"] == [where], error
    assert "hunter2" not in str(error)
    allowed = {**config, "checks": {"allow_literal_secrets": True}}
    text = env_toml.generate(str(write_config(path, allowed)))
    assert "hunter2" in text or where.startswith("images")


@each_row("word", CASES["words"])
def test_a_secret_in_a_word_is_refused(tmp_path, word):
    path = write_variables(tmp_path, {"A": "${oc.env:HF_TOKEN}"})
    error = refusal(generate, path, word)
    assert "hunter2" not in str(error)
    (finding,) = [finding for finding in error.findings if finding.level == "error"]
    assert_says(finding, ["secret" if "PROXY" not in word else "password in a URL"])
    assert_says(finding, [f"(in {word.partition('=')[0]})"])


def test_what_a_site_puts_in_a_secrets_variable_is_told_in_plain(tmp_path):
    """What `site_values` says of HF_TOKEN is no secret."""
    sections = {"p": {"executor": "local", "env_vars": {"A": "${oc.env:HF_TOKEN}"}}}
    checks = {"site_values": {"HF_TOKEN": "the token of the hub"}}
    config = {"checks": checks, "sections": sections}
    assert "HF_TOKEN" in env_toml.generate(str(write_config(tmp_path / "site.json", config)))


def test_a_url_in_a_list_is_excused_by_the_name_of_the_list(tmp_path):
    sections = {"p": {"executor": "local", "startup_commands": ["git clone https://u:hunter2@h/a"]}}
    path = write_config(tmp_path / "site.json", {"sections": sections})
    assert_says(refusal(generate, path), ["checks.allow_literal_secrets=[startup_commands]"])
    assert generate(path, "checks.allow_literal_secrets=[startup_commands]") == sections


# ------------------------------------------------------------------------------------ what lets it pass


def test_a_list_names_the_keys_that_may_be_literal(tmp_path):
    variables = {"PAD_TOKEN": "<pad>", "HF_TOKEN": "hunter2"}
    path = write_variables(tmp_path, variables, allow_literal_secrets=["PAD_TOKEN"])
    (finding,) = refusal(generate, path).findings
    assert finding.keys[-1] == "HF_TOKEN"
    path = write_variables(tmp_path, variables, allow_literal_secrets=["PAD_TOKEN", "HF_TOKEN"])
    assert generate(path)["p"]["env_vars"] == variables


@pytest.mark.parametrize("allowed", [False, [], None])
def test_nothing_lets_it_pass_that_does_not_say_so(tmp_path, allowed):
    path = write_variables(tmp_path, {"HF_TOKEN": "hunter2"}, allow_literal_secrets=allowed)
    assert_says(refusal(generate, path), ["a literal secret"])


def test_a_word_lets_it_pass(tmp_path):
    path = write_variables(tmp_path, {"HF_TOKEN": "hunter2"})
    for word in ("checks.allow_literal_secrets=true", "checks.allow_literal_secrets=[HF_TOKEN]"):
        assert generate(path, word)["p"]["env_vars"] == {"HF_TOKEN": "hunter2"}
    word = "checks.allow_literal_secrets+=HF_TOKEN"
    assert generate(path, word)["p"]["env_vars"] == {"HF_TOKEN": "hunter2"}


def test_a_wrong_value_is_told_although_secrets_may_pass(tmp_path):
    variables = {"HF_TOKEN": ["hunter2"], "B_TOKEN": "hunter2${", "C_TOKEN": "hunter2\r\n"}
    path = write_variables(tmp_path, variables, allow_literal_secrets=True)
    error = refusal(generate, path)
    assert {finding.keys[-1] for finding in error.findings} == variables.keys()
    (broken,) = [finding for finding in error.findings if finding.keys[-1] == "B_TOKEN"]
    assert_says(broken, ["found a value that is not shown"])
    assert "hunter2" not in str(error)


# ------------------------------------------------------------------------------------- the file, 0600


@pytest.mark.parametrize("allowed", ["true", "[HF_TOKEN]"])
def test_the_file_with_a_secret_is_private(call, plain_umask, tmp_path, allowed):
    write_variables(tmp_path, {"HF_TOKEN": "hunter2"})
    words = ["-c", "site.json", f"checks.allow_literal_secrets={allowed}", "output_path=out.toml"]
    seen = call(*words)
    assert (seen.exit, seen.err) == (0, "")
    assert "hunter2" not in seen.out
    assert 'HF_TOKEN = "hunter2"' in (tmp_path / "out.toml").read_text(encoding="utf-8")
    assert stat.S_IMODE((tmp_path / "out.toml").stat().st_mode) == 0o600


def test_a_public_file_becomes_private(call, tmp_path):
    write_variables(tmp_path, {"HF_TOKEN": ""})
    call("-c", "site.json", "output_path=out.toml")
    (tmp_path / "out.toml").chmod(0o664)
    write_variables(tmp_path, {"HF_TOKEN": "hunter2"}, allow_literal_secrets=True)
    assert call("-c", "site.json", "-f", "output_path=out.toml").exit == 0
    assert stat.S_IMODE((tmp_path / "out.toml").stat().st_mode) == 0o600


def test_a_file_without_secrets_is_as_public_as_others(call, plain_umask, tmp_path):
    write_variables(tmp_path, {"HF_TOKEN": ""})
    assert call("-c", "site.json", "output_path=out.toml").exit == 0
    assert stat.S_IMODE((tmp_path / "out.toml").stat().st_mode) == 0o644


# -------------------------------------------------------------------------------------- never echoed


@each_row("word", [*CASES["words"], *CASES["wrong words"]])
@each_row("mode", ["refused", "allowed"])
def test_no_message_echoes_a_secret(call, tmp_path, word, mode):
    profile = {"executor": "local", "nodes": 1, "x_token": 5, "y_token": [5]}
    profile["env_vars"] = {"HF_TOKEN": "${a}"}
    heir = {"extends": "p", "env_vars": {"HF_TOKEN": "${a}"}, "client_secret": "${b}"}
    allowed = {"allow_literal_secrets": mode == "allowed", "extra_fields": ["x_token", "y_token"]}
    config = {"checks": allowed, "sections": {"p": profile, "heir": heir}}
    write_config(tmp_path / "site.json", config)
    for options in ([], ["--strict"]):
        seen = call("-c", "site.json", *options, "output_path=out.toml", "-f", word)
        assert "hunter2" not in seen.out + seen.err, seen
        if word in CASES["wrong words"] or mode == "refused":
            assert seen.exit == 2
            assert "error: " in seen.err


def test_no_finding_of_a_file_echoes_a_secret(call, tmp_path):
    (tmp_path / "out.toml").write_text(
        '[p]\nexecutor = "local"\nHF_TOKEN = "hunter2"\nx_key = ["hunter2"]\n'
        '[p.env_vars]\nA_TOKEN = "hunter2"\nPROXY = "//a:hunter2@b"\n',
        encoding="utf-8",
    )
    seen = call("--lint", "out.toml")
    assert seen.exit == 2
    assert seen.err.count("error: ") == 4
    assert "hunter2" not in seen.out + seen.err


def test_a_shadowed_secret_is_not_echoed(call, tmp_path):
    profiles = {
        "p": {"executor": "local"},
        "heir": {"extends": "p", "env_vars": {"HF_TOKEN": "${a}"}},
    }
    config = {"checks": {"allow_literal_secrets": True}, "sections": profiles}
    write_config(tmp_path / "site.json", config)
    seen = call("-c", "site.json", "output_path=out.toml", "sections.p.env_vars.HF_TOKEN=hunter2")
    assert_says(seen.err, ["warning: p.env_vars.HF_TOKEN: 1 of 1 heirs keep their own (heir)"])
    assert "hunter2" not in seen.err + seen.out


def test_what_is_asked_to_be_printed_is_printed(call, tmp_path):
    write_variables(tmp_path, {"HF_TOKEN": "hunter2"}, allow_literal_secrets=True)
    assert 'HF_TOKEN = "hunter2"' in call("-c", "site.json", "-d").out
    assert 'HF_TOKEN = "hunter2"  # p (site.json)' in call("-c", "site.json", "--show", "p").out


def test_the_name_of_a_bundled_variable_excuses_no_other_key():
    """Its own text is the name of a secret, or a placeholder; that of a key of that name is not."""
    name = "DGXCLOUD_IMAGE_PULL_SECRET"
    assert "my-pull" in env_toml.generate("dgxcloud", [f"variables.{name}=my-pull"])
    for place in ("env_vars.", ""):
        word = f"sections.dgxcloud_base.{place}{name}=hunter2"
        assert_says(refusal(env_toml.generate, "dgxcloud", [word]), ["a literal secret"])


def test_a_password_in_a_bundled_variable_is_told():
    url = "https://ci:hunter2@packages/simple"
    for word in ("variables.PIP_INDEX_URL", "sections.slurm_base.env_vars.PIP_INDEX_URL"):
        error = refusal(env_toml.generate, "slurm-airgap", [f"{word}={url}"])
        assert_says(error, ["PIP_INDEX_URL: a password in a URL"])
        assert "hunter2" not in str(error)


@each_row("allowed", [False, True])
@each_row("text", ["//u:hunter2@h", "hunter2"])
@each_row(
    "place",
    [
        ("sections",),
        ("sections", "p"),
        ("sections", "HF_TOKEN"),
        ("sections", "wandb"),
        ("steps",),
        ("variables",),
        ("images",),
        ("only",),
        ("checks", "recommended_min_nodes", "p"),
    ],
    ids=".".join,
)
def test_a_secret_where_a_table_or_a_number_belongs_is_told_as_that(tmp_path, place, text, allowed):
    config = {"sections": {"p": {"executor": "local", "nodes": 1}}}
    config = env_toml.merge(config, env_toml.nest(place[:-1], {}) or {})
    inner = config
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = text
    words = ["checks.allow_literal_secrets=true"] * allowed
    error = refusal(generate, write_config(tmp_path / "site.json", config), *words)
    assert_says(error, [f"{env_toml.show_keys(place)}: expected "])
    assert text.startswith("hunter2") or "hunter2" not in str(error)


def test_a_password_in_a_key_of_images_is_not_echoed(call, tmp_path):
    images = {"https://u:hunter2@registry/": "x"}
    sections = {"p": {"executor": "local", "container_image": "a"}}
    write_config(tmp_path / "site.json", {"images": images, "sections": sections})
    said = call("-c", "site.json", "-d")
    assert said.err.startswith("warning: images.https://...@registry/: no image begins with this")
    assert "hunter2" not in said.err


def test_the_name_of_a_secret_is_no_secret(call):
    word = "sections.lepton_curate.custom_spec.HF_TOKEN.name=my-secret"
    assert 'name = "my-secret"' in call("-d", word).out


def test_a_secret_that_a_variable_of_another_name_brings(tmp_path):
    """The text has no literal, the variable no secret's name; what is written has both."""
    path = write_config(
        tmp_path / "site.json",
        {
            "variables": {"PLAIN_NAME": "hunter2"},
            "sections": {
                "p": {"executor": "local", "env_vars": {"A_TOKEN": "${oc.env:PLAIN_NAME}"}}
            },
        },
    )
    error = refusal(env_toml.generate, str(path))
    assert_says(
        error, ["p.env_vars.A_TOKEN: a literal secret", "checks.allow_literal_secrets=[A_TOKEN]"]
    )
    assert "hunter2" not in str(error)


def test_a_url_with_a_password_before_the_equals_sign_is_not_echoed():
    error = refusal(env_toml.generate, "slurm", ["https://me:hunter2@host/?a=b"])
    assert str(error) == "word 1 is not KEY=VALUE: a secret or a URL stands before its ="
