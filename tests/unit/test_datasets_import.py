"""Other people's forms become the dataset layout, and a check says what is wrong with a set."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner

from tinygen.cli import cli
from tinygen.config import load_config
from tinygen.core.errors import TinygenError
from tinygen.datasets.importing.request import Rules
from tinygen.datasets.importing.run import import_data
from tinygen.datasets.inspect import inspect, level_of
from tinygen.datasets.layout import Facts, facts_toml, read_facts
from tinygen.datasets.load import load_dataset
from tinygen.datasets.split import split
from tinygen.datasets.values import Recording

FACTS = Facts(name="mine", task="gesture", licence="MIT", source="a test")


def noise(number: int, samples: int = 400, channels: int = 3) -> np.ndarray:
    return np.random.default_rng(number).normal(0, 2000, (samples, channels)).astype(np.int16)


def test_facts_come_back_as_they_were_written(tmp_path: Path) -> None:
    facts = Facts(name='a "name"', task="kws", notes=("one\nline", "back\\slash", "tab\there"), synthetic=True)
    (tmp_path / "dataset.toml").write_text(facts_toml(facts))
    assert read_facts(tmp_path) == facts
    (tmp_path / "dataset.toml").write_text('name = "x"\ntask = "kws"\nlicense = "MIT"\n')
    with pytest.raises(TinygenError, match="license"):
        read_facts(tmp_path)


def test_audio_folders_keep_samples_speakers_sides_and_noises(tmp_path: Path) -> None:
    source = tmp_path / "in"
    for number, (label, name) in enumerate([("on", "a_nohash_0"), ("on", "b_nohash_0"), ("off", "a_nohash_1")]):
        (source / label).mkdir(parents=True, exist_ok=True)
        suffix = ".flac" if number else ".wav"
        soundfile.write(str(source / label / (name + suffix)), noise(number, 4000, 1), 16000, subtype="PCM_16")
    (source / "_background_noise_").mkdir()
    soundfile.write(str(source / "_background_noise_" / "rain.wav"), noise(9, 4000, 1), 16000, subtype="PCM_16")
    written = import_data(source, tmp_path / "out", replace(FACTS, task="kws"), Rules())
    assert (written.labels, written.noises, written.groups) == ({"off": 1, "on": 2}, 1, 2)
    made = load_dataset("kws", tmp_path / "out", tmp_path / "cache", 1)
    assert {(r.name, r.group) for r in made.recordings} == {
        ("on/a_nohash_0.wav", "a"), ("on/b_nohash_0.wav", "b"), ("off/a_nohash_1.wav", "a"),
    }  # fmt: skip
    by_name = {r.name: r.signal for r in made.recordings}
    assert np.array_equal(by_name["on/b_nohash_0.wav"], noise(1, 4000, 1))
    assert made.licence == "MIT" and made.source == "a test" and made.group_kind == "speaker"
    assert len(made.noises) == 1


def test_csv_and_npz_are_written_with_their_groups(tmp_path: Path) -> None:
    rows = ["label,person,recording,time_ms,x,y"]
    for person in "ab":
        for label in ("up", "down"):
            rows += [f"{label},{person},{person}{label},{10 * i},{i % 7},{-i}" for i in range(40)]
    (tmp_path / "all.csv").write_text("\n".join(rows))
    written = import_data(tmp_path / "all.csv", tmp_path / "csv", FACTS, Rules())
    assert (written.labels, written.groups) == ({"down": 2, "up": 2}, 2)
    made = load_dataset("gesture", tmp_path / "csv", tmp_path / "cache", 1)
    assert made.group_kind == "person"
    assert {r.rate_hz for r in made.recordings} == {100}
    assert made.recordings[0].signal[:, 1].tolist() == [-i for i in range(40)]
    signals = np.stack([noise(i) for i in range(4)])
    np.savez(tmp_path / "set.npz", signal=signals, label=["a", "b", "a", "b"], bearing=[1, 1, 2, 2], rate_hz=50)
    written = import_data(tmp_path / "set.npz", tmp_path / "npz", FACTS, Rules(labels={"a": "alpha"}))
    assert written.labels == {"alpha": 2, "b": 2}
    again = load_dataset("gesture", tmp_path / "npz", tmp_path / "cache", 1)
    assert {tuple(r.signal[0]) for r in again.recordings} == {tuple(s[0]) for s in signals}
    assert {r.group for r in again.recordings} == {"1", "2"}


def test_mat_files_by_pattern_variable_and_column(tmp_path: Path) -> None:
    io = pytest.importorskip("scipy.io", reason="SciPy reads MAT files")
    (tmp_path / "in").mkdir()
    for letter in "HI":
        for bearing in (1, 2):
            table = np.random.default_rng(bearing).normal(0, 1.5, (4200, 3))
            values = {"DATA": table, "RPM": np.array([[1797.0]]), "note": "text"}
            io.savemat(str(tmp_path / "in" / f"{letter}_{bearing}_0.mat"), values)
    rules = Rules(
        pattern="(?P<label>[HI])_(?P<bearing>[0-9]+)_", labels={"H": "healthy", "I": "inner"}, rate_hz=42000,
        variables=("DATA",), columns=(1,), seconds=0.01,
    )  # fmt: skip
    facts = replace(FACTS, task="vibration")
    written = import_data(tmp_path / "in", tmp_path / "out", facts, rules)
    assert written.labels == {"healthy": 20, "inner": 20}
    made = load_dataset("vibration", tmp_path / "out", tmp_path / "cache", 1)
    assert {r.group for r in made.recordings} == {"1", "2"}
    assert {(r.rate_hz, r.signal.shape) for r in made.recordings} == {(42000, (420, 1))}
    want = np.random.default_rng(1).normal(0, 1.5, (4200, 3))[:420, 1]
    first = next(r for r in made.recordings if r.name == "healthy/H_1_0.000.wav").signal[:, 0]
    assert np.corrcoef(first, want)[0, 1] > 0.9999
    with pytest.raises(TinygenError, match="has no array FFT, but DATA"):
        import_data(tmp_path / "in", tmp_path / "no", facts, replace(rules, variables=("FFT",)))
    with pytest.raises(TinygenError, match="counted from 0"):
        import_data(tmp_path / "in", tmp_path / "no", facts, replace(rules, columns=(3,)))
    whole = (tmp_path / "in" / "H_1_0.mat").read_bytes()
    for cut in (0, 60, 200, len(whole) // 2):
        (tmp_path / "in" / "H_1_0.mat").write_bytes(whole[:cut])
        with pytest.raises(TinygenError, match=r"MAT file|no array"):
            import_data(tmp_path / "in", tmp_path / "no", facts, rules)
    assert not (tmp_path / "no").exists()


def test_uci_har_keeps_people_and_its_own_sides(tmp_path: Path) -> None:
    root = tmp_path / "UCI HAR Dataset"
    (root / "train").mkdir(parents=True)
    (root / "test").mkdir()
    (root / "activity_labels.txt").write_text("1 WALKING\n2 SITTING\n")
    for side, people in (("train", (1, 1, 3, 3)), ("test", (2, 2))):
        (root / side / "Inertial Signals").mkdir()
        (root / side / f"subject_{side}.txt").write_text("\n".join(map(str, people)))
        (root / side / f"y_{side}.txt").write_text("\n".join(str(1 + i % 2) for i in range(len(people))))
        for n, name in enumerate(("total_acc", "body_gyro")):
            for axis in "xyz":
                values = np.random.default_rng([n, ord(axis), len(people)]).normal(0, 1, (len(people), 128))
                lines = "\n".join(" ".join(f"{v: .7e}" for v in row) for row in values)
                (root / side / "Inertial Signals" / f"{name}_{axis}_{side}.txt").write_text(lines)
    import_data(root, tmp_path / "out", FACTS, Rules())
    made = load_dataset("gesture", tmp_path / "out", tmp_path / "cache", 1)
    assert {r.label for r in made.recordings} == {"walking", "sitting"}
    assert {(r.rate_hz, r.signal.shape) for r in made.recordings} == {(50, (128, 6))}
    assert {r.group for r in split(made, 1).test} == {"subject2"}
    (root / "test" / "y_test.txt").write_text("1")
    with pytest.raises(TinygenError, match="test files have"):
        import_data(root, tmp_path / "again", FACTS, Rules())


def test_magic_wand_pieces_begin_at_its_marks(tmp_path: Path) -> None:
    for label, person, pieces in (("wing", "hyw", 3), ("negative", "1", 2)):
        (tmp_path / "wand" / label).mkdir(parents=True)
        text = "".join(" -,-,-\n" + "".join(f"{i + p}, {-i},{1000}\n" for i in range(20)) for p in range(pieces))
        (tmp_path / "wand" / label / f"output_{label}_{person}.txt").write_text(text)
    written = import_data(tmp_path / "wand", tmp_path / "out", FACTS, Rules())
    assert written.labels == {"negative": 2, "wing": 3}
    made = load_dataset("gesture", tmp_path / "out", tmp_path / "cache", 1)
    assert {r.group for r in made.recordings} == {"hyw", "1"}
    assert made.recordings[-1].signal[5].tolist() == [7, -5, 1000]


@pytest.mark.parametrize(
    ("rules", "said"),
    [
        (Rules(pattern="("), "no regular expression"),
        (Rules(pattern="(?P<colour>a)"), "names colour"),
        (Rules(pattern="(?P<label>zzz)"), "does not occur"),
        (Rules(kind="xls"), "no kind 'xls'"),
    ],
)
def test_rules_that_make_no_sense_are_told(tmp_path: Path, rules: Rules, said: str) -> None:
    np.savez(tmp_path / "set.npz", signal=np.stack([noise(1), noise(2)]), label=["a", "b"])
    with pytest.raises(TinygenError, match=said):
        import_data(tmp_path / "set.npz", tmp_path / "out", FACTS, rules)
    assert not (tmp_path / "out").exists()


def one(signal: np.ndarray, rate_hz: int = 16000) -> Recording:
    return Recording(signal=signal.astype(np.int16)[:, None], rate_hz=rate_hz, label="a", group="g", name="n")


def test_levels_and_clipping_are_measured() -> None:
    t = np.arange(16000) / 16000
    tone = 16384 * np.sin(2 * np.pi * 500.5 * t)
    level = level_of(one(tone))
    assert level.rms_dbfs == pytest.approx(-9.03, abs=0.02)
    assert level.peak_dbfs == pytest.approx(-6.02, abs=0.02)
    assert level.clipped == 0
    assert level_of(one(np.clip(3 * tone, -32768, 32767))).clipped > 0.2
    assert level_of(one(np.clip(tone, -9000, 9000))).clipped > 0.2
    assert level_of(one(tone + 5000)).offset == pytest.approx(5000, abs=20)
    found = inspect([one(tone), replace(one(tone * 0), name="dead"), replace(one(tone / 9999), name="soft")])
    assert found.constant == ("dead",)
    assert set(found.quiet) == {"dead", "soft"}


def folder(root: Path, sides: dict[str, str]) -> Path:
    rows = ["file,speaker,side"]
    for number, (speaker, side) in enumerate(sides.items()):
        for n, label in enumerate(("go", "stop", "no")):
            name = f"{label}/{speaker}.wav"
            (root / label).mkdir(parents=True, exist_ok=True)
            rng = np.random.default_rng(10 * number + n)
            soundfile.write(str(root / name), rng.normal(0, 2500, 16000).astype(np.int16), 16000)
            rows.append(f"{name},{speaker.rstrip('2')},{side}")
    (root / "index.csv").write_text("\n".join(rows))
    return root


def run(*words: str) -> tuple[int, dict[str, object]]:
    """Exit code and JSON document of a command, as a user gets them."""
    ended = CliRunner().invoke(cli, [*words, "--json"])
    code = getattr(ended.exception, "code", ended.exit_code) if ended.exception else ended.exit_code
    return int(code), json.loads(ended.stdout) if ended.stdout.startswith("{") else {}


def test_check_refuses_a_leaking_split_and_passes_a_clean_one(tmp_path: Path) -> None:
    build = ("--build-dir", str(tmp_path / "build"), "--task", "kws")
    clean = folder(tmp_path / "clean", {"ann": "train", "bob": "validation", "eve": "test"})
    code, report = run("datasets", "check", "--data", str(clean), *build)
    assert (code, report["ok"]) == (0, True)
    leaking = folder(tmp_path / "leaking", {"ann": "train", "bob": "validation", "ann2": "test"})
    code, report = run("datasets", "check", "--data", str(leaking), *build)
    assert code == 1
    verdicts = {c["name"]: c for c in report["checks"]}  # type: ignore[attr-defined]
    assert verdicts["no speaker on two sides"]["status"] == "failed"
    assert "speaker 'ann' is on the sides train and test" in verdicts["no speaker on two sides"]["reason"]
    with pytest.raises(TinygenError, match="the split leaks"):
        cli.main(["datasets", "show", "--data", str(leaking), *build], standalone_mode=False)


def test_check_finds_a_copy_at_another_level_on_another_side(tmp_path: Path) -> None:
    root = folder(tmp_path / "set", {"ann": "train", "bob": "validation", "eve": "test"})
    signal, rate = soundfile.read(str(root / "go" / "ann.wav"), dtype="int16")
    soundfile.write(str(root / "stop" / "eve.wav"), (signal * 0.5).astype(np.int16), rate)
    code, report = run("datasets", "check", "--data", str(root), "--task", "kws", "--build-dir", str(tmp_path / "b"))
    assert code == 1
    assert report["copy_names"] and report["copy_names"][0][:2] == ["go/ann.wav", "stop/eve.wav"]  # type: ignore[index]
    shutil.copy(root / "go" / "ann.wav", root / "stop" / "eve.wav")
    code, report = run("datasets", "check", "--data", str(root), "--task", "kws", "--build-dir", str(tmp_path / "b"))
    assert code == 1
    assert any("very same samples" in c["reason"] for c in report["checks"])  # type: ignore[attr-defined]


def test_import_on_the_command_line(tmp_path: Path) -> None:
    np.savez(tmp_path / "set.npz", signal=np.stack([noise(i) for i in range(6)]), label=list("ababab"), rate_hz=100)
    words = ("datasets", "import", str(tmp_path / "set.npz"), "-o", str(tmp_path / "out"), "--task", "gesture")
    code, report = run(*words, "--label", "a=up", "--licence", "MIT", "--build-dir", str(tmp_path / "b"))
    assert (code, report["labels"]) == (0, {"b": 3, "up": 3})
    assert 'licence = "MIT"' in (tmp_path / "out" / "dataset.toml").read_text()
    with pytest.raises(TinygenError, match="exists already"):
        cli.main([*words, "--build-dir", str(tmp_path / "b")], standalone_mode=False)


def test_sounds_are_speech_unless_somebody_says_otherwise(tmp_path: Path) -> None:
    source = tmp_path / "in" / "on"
    source.mkdir(parents=True)
    for number in range(3):
        soundfile.write(str(source / f"{number}.wav"), noise(number, 4000, 1), 16000, subtype="PCM_16")

    def imported(name: str, *more: str) -> tuple[str, str]:
        words = ["datasets", "import", str(tmp_path / "in"), "-o", str(tmp_path / name), "--json", *more]
        ended = CliRunner().invoke(cli, [*words, "--build-dir", str(tmp_path / "build")])
        assert ended.exit_code == 0, ended.output
        facts = read_facts(tmp_path / name)
        assert facts is not None
        return facts.task, json.loads(ended.stdout)["notes"][-1]

    assert imported("speech")[0] == "kws"
    assert "--task kws" in imported("again")[1]
    assert imported("machine", "--task", "vibration")[0] == "vibration"


def test_a_set_that_names_its_task_needs_no_option(tmp_path: Path) -> None:
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "dataset.toml").write_text(facts_toml(replace(FACTS, task="vibration")))
    assert load_config(None, {"data": "set"}, tmp_path).task == "vibration"
    assert load_config(None, {"data": "set", "task": "kws"}, tmp_path).task == "kws"
    (tmp_path / "tinygen.toml").write_text('task = "gesture"\ndata = "set"\n')
    assert load_config(None, {}, tmp_path).task == "gesture"
