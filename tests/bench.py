"""Measure what env_toml.py costs on this machine and print it as Markdown tables.

    python tests/bench.py            everything, one or two minutes on a machine that does nothing else
    python tests/bench.py --quick    no document above 1,000 profiles: a smoke test

Needs tomli-w, and tomli below Python 3.11; the comparison with OmegaConf is left out where that is not
installed. Every command is a process of its own, timed from its start to its end. No time is asserted:
the exit status is 0 unless a command failed or two ways to do one job wrote different documents.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
from datetime import date
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any, NamedTuple

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

if TYPE_CHECKING:
    from collections.abc import Sequence

ROOT = Path(__file__).resolve().parent.parent
SCRIPT = str(ROOT / "env_toml.py")
REPEATS = 25  # of the small commands: their times vary by a tenth from run to run
SMALL, GOAL_SIZE, LARGE = 1_000, 20_000, 100_000
SIZES = {30: 11, SMALL: 11, 10_000: 3, GOAL_SIZE: 3, LARGE: 1}  # profiles: how often each is run
ENVIRONMENT = {
    k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"
}  # imports come compiled
SHAPES = ("flat", "chain")
LINEAR = 1.2  # growth of the time per profile from SMALL to LARGE that still counts as none

# Starts one process and prints its seconds, peak memory and exit status. The peak that Linux tells of a
# process is never below that of its parent, so this parent imports nothing that it can do without.
LAUNCH = """
import os, sys, time
null = (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)
start = time.perf_counter()
pid = os.posix_spawn(sys.executable, [sys.executable, *sys.argv[1:]], os.environ, file_actions=[null])
_, status, usage = os.wait4(pid, 0)
print(time.perf_counter() - start, usage.ru_maxrss, os.waitstatus_to_exitcode(status))
"""

# The least that any program of this kind does: the same imports, no merging, no checks, no comments.
LOAD_AND_DUMP = """
import argparse, json, sys, tomli_w
with open(sys.argv[1], "rb") as f:
    document = json.load(f)
with open(sys.argv[2], "w", encoding="utf-8") as f:
    f.write(tomli_w.dumps(document))
"""

# The same document by OmegaConf's own means: YAML in, a dotlist over it, each chain of parents merged.
OMEGACONF = """
import sys, tomli_w
from omegaconf import OmegaConf
config = OmegaConf.merge(OmegaConf.load(sys.argv[1]), OmegaConf.from_dotlist(sys.argv[2:]))
document = {}
for name, section in config.sections.items():
    chain = [section]
    while "extends" in chain[0]:
        chain.insert(0, config.sections[chain[0].extends])
    merged = OmegaConf.merge(*chain) if len(chain) > 1 else section
    document[name] = OmegaConf.to_container(merged)
    document[name].pop("extends", None)
with open(config.output_path, "wb") as f:
    tomli_w.dump(document, f)
"""


class Cost(NamedTuple):
    seconds: float
    mib: float


class Scale(NamedTuple):
    """What a document of one profile costs, one of many, and only to load and dump the latter."""

    start: Cost
    ours: Cost
    limit: Cost

    def per_profile(self, profiles: int) -> float:
        """Return the seconds that a profile adds to the start."""
        return (self.ours.seconds - self.start.seconds) / (profiles - 1)


def measure(words: list[str], folder: Path) -> Cost:
    """Run the interpreter once with these words in `folder`; exit where it fails."""
    (folder / "out.toml").unlink(missing_ok=True)  # or a second run would find nothing to write
    launch = [sys.executable, "-I", "-S", "-c", LAUNCH, *words]
    done = subprocess.run(
        launch, cwd=folder, env=ENVIRONMENT, text=True, capture_output=True, check=False
    )
    seconds, peak, status = done.stdout.split() or ("0", "0", "no start")
    if status != "0":
        sys.exit(f"{words[:2]} failed (exit status {status}):\n{done.stderr}")
    return Cost(float(seconds), float(peak) / (2**20 if sys.platform == "darwin" else 2**10))


def compare(commands: dict[str, list[str]], folder: Path, repeats: int) -> dict[str, Cost]:
    """Run the commands in turns, so that a slow moment of the machine hits all of them; return the medians."""
    runs: dict[str, list[Cost]] = {name: [] for name in commands}
    for name in list(commands) * repeats:
        runs[name].append(measure(commands[name], folder))
    return {name: Cost(*map(median, zip(*costs))) for name, costs in runs.items()}


def generated(words: list[str], folder: Path) -> dict[str, Any]:
    """Run a command that is about to be measured, which also warms the caches; return what it wrote."""
    measure(words, folder)
    return tomllib.loads((folder / "out.toml").read_text(encoding="utf-8"))


def dump_expanded(run: list[str], folder: Path) -> list[str]:
    """Return the command that loads and dumps the document which `run` writes."""
    expected = generated(run, folder)
    (folder / "expanded.json").write_text(json.dumps(expected), encoding="utf-8")
    command = ["-c", LOAD_AND_DUMP, "expanded.json", "out.toml"]
    if generated(command, folder) != expected:
        sys.exit("loading and dumping the document changed it")
    return command


def prepare_omegaconf(words: list[str], folder: Path) -> dict[str, list[str]]:
    """Save the Slurm profiles, each with its own keys, as YAML; return the command to measure.

    There is none without OmegaConf. Variables are filled in before: OmegaConf has none.
    """
    try:
        from omegaconf import OmegaConf
    except ImportError:
        return {}
    own = generated([SCRIPT, "-c", "slurm", *words, "expand=false"], folder)
    OmegaConf.save(OmegaConf.create({"sections": own}), folder / "slurm.yaml")
    return {"omegaconf": ["-c", OMEGACONF, "slurm.yaml", *words]}


def measure_run(folder: Path, repeats: int) -> dict[str, Cost]:
    """Measure one run with the bundled Slurm config beside the commands it is compared with."""
    words = ["force=true", "output_path=out.toml"]
    run = [SCRIPT, "-c", "slurm", *words]
    again = [
        *run,
        "output_path=again.toml",
    ]  # `measure` leaves this file, so that only the first run writes it
    omegaconf = prepare_omegaconf(words, folder)
    expected = generated(run, folder)
    if any(generated(command, folder) != expected for command in omegaconf.values()):
        sys.exit("OmegaConf makes another document of the same config")
    measure(again, folder)
    commands = {
        "run": run,
        "again": again,
        "bare": ["-c", "pass"],
        "limit": dump_expanded(run, folder),
    }
    return compare({**commands, **omegaconf}, folder, repeats)


def make_config(profiles: int, shape: str) -> dict[str, Any]:
    """Return a config of a base and its heirs: its children, or each the child of the one before."""
    needed = {"executor": "slurm", "tunnel": "ssh", "remote_job_dir": "/jobs"}
    sections: dict[str, Any] = {"base": {**needed, "account": "a", "env_vars": {"A": "1"}}}
    for i in range(profiles - 1):
        parent = f"p{i - 1}" if shape == "chain" and i else "base"
        sections[f"p{i}"] = {"extends": parent, "nodes": i % 64 + 1, "env_vars": {"B": str(i)}}
    return {"output_path": "out.toml", "force": True, "sections": sections}


def measure_scale(profiles: int, shape: str, folder: Path, repeats: int) -> Scale:
    for name, size in (("one.json", 1), ("many.json", profiles)):
        (folder / name).write_text(json.dumps(make_config(size, shape)), encoding="utf-8")
    run = [SCRIPT, "-c", "many.json"]
    commands = {
        "start": [SCRIPT, "-c", "one.json"],
        "ours": run,
        "limit": dump_expanded(run, folder),
    }
    return Scale(**compare(commands, folder, repeats))


def show_table(head: str, rows: Sequence[tuple[str, ...]]) -> str:
    """Lay out a Markdown table; all columns but the first are numbers, to the right."""
    titles = tuple(head.split(" | "))
    first, *rest = (max(map(len, column)) for column in zip(titles, *rows))
    rule = ("-" * first, *("-" * (width - 1) + ":" for width in rest))
    lines = ([row[0].ljust(first), *map(str.rjust, row[1:], rest)] for row in (titles, rule, *rows))
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def show_machine() -> str:
    cpu, info = platform.processor() or platform.machine(), Path("/proc/cpuinfo")
    if info.exists():
        lines = info.read_text(encoding="utf-8", errors="replace").splitlines()
        cpu = next(
            (line.partition(":")[2].strip() for line in lines if line.startswith("model name")), cpu
        )
    python = f"{platform.python_implementation()} {platform.python_version()}"
    return f"{date.today()}, {python}, {cpu}, {os.cpu_count()} cores\n"


def show_run(costs: dict[str, Cost]) -> str:
    names = {
        "run": "`env_toml.py -c slurm force=true output_path=out.toml`",
        "again": "the same, the file being there and unchanged: no disk to wait for",
        "bare": "a bare interpreter start: `python -c pass`",
        "limit": "loading and dumping the expanded document, same imports",
        "omegaconf": "the same document the OmegaConf way, from YAML",
    }
    run = costs["run"].seconds
    rows = [
        (names[key], f"{1000 * cost.seconds:.1f}", f"{run / cost.seconds:.2f}")
        for key, cost in costs.items()
    ]
    note = "" if "omegaconf" in costs else "\nOmegaConf is not installed: its row is left out.\n"
    return show_table("one process | ms | a run, in these", rows) + note


def show_scale(scales: dict[tuple[int, str], Scale]) -> str:
    rows = []
    for (profiles, shape), (_, ours, limit) in scales.items():
        times = (
            f"{ours.seconds:.3f}",
            f"{1000 * ours.seconds / profiles:.3f}",
            f"{ours.seconds / limit.seconds:.2f}",
        )
        rows.append((f"{profiles:,} {shape}", *times, f"{ours.mib:.0f}", f"{limit.mib:.0f}"))
    return show_table(
        "profiles | seconds | ms per profile | times load and dump | peak MiB | load and dump MiB",
        rows,
    )


def show_goals(costs: dict[str, Cost], scales: dict[tuple[int, str], Scale]) -> str:
    run, again, bare = (costs[name].seconds for name in ("run", "again", "bare"))
    goals = [
        ("a run, in bare starts", run / bare, "at most", 4.0),
        ("a run that finds its file unchanged, in bare starts", again / bare, "at most", 4.0),
    ]
    if "omegaconf" in costs:
        goals.append(
            (
                "times faster than the OmegaConf way",
                costs["omegaconf"].seconds / run,
                "at least",
                5.0,
            )
        )
    for (profiles, shape), scale in scales.items():
        if profiles == GOAL_SIZE:
            ratio = scale.ours.seconds / scale.limit.seconds
            goals.append((f"times load and dump, {profiles:,} {shape}", ratio, "at most", 2.0))
        if profiles == LARGE:
            growth = scale.per_profile(profiles) / scales[SMALL, shape].per_profile(SMALL)
            goals.append(
                (
                    f"growth per profile, {SMALL:,} to {profiles:,} {shape}",
                    growth,
                    "at most",
                    LINEAR,
                )
            )
    rows = []
    for title, value, bound, goal in goals:
        met = value <= goal if bound == "at most" else value >= goal
        rows.append((title, f"{bound} {goal:g}", f"{value:.2f}", "yes" if met else "no"))
    return show_table("goal | wanted | measured | met", rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument(
        "--quick", action="store_true", help="few runs, no document above 1,000 profiles"
    )
    quick = parser.parse_args().quick
    sizes = {n: 3 if quick else times for n, times in SIZES.items() if not (quick and n > SMALL)}
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        costs = measure_run(folder, 3 if quick else REPEATS)
        scales = {
            (n, shape): measure_scale(n, shape, folder, sizes[n]) for shape in SHAPES for n in sizes
        }
    print(
        show_machine(),
        show_run(costs),
        show_scale(scales),
        show_goals(costs, scales),
        sep="\n",
        end="",
    )


if __name__ == "__main__":
    main()
