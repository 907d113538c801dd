from __future__ import annotations

from pathlib import Path

import pytest

import bench
from bench.errors import UsageError
from bench.experiment.groups import expand, read_groups
from bench.experiment.settings import Settings
from bench.gate.sampling.subject import gather

PATH = Path("bench.toml")
ARTICLE = "freeze,full,discriminative,amp"


@pytest.mark.parametrize(
    ("text", "expanded"),
    [
        ("full, freeze", "full, freeze"),
        ("@article", ARTICLE),
        ("lora,@article,full", f"lora,{ARTICLE}"),
        ("full,@article", "full,freeze,discriminative,amp"),
        ("@article,@article", ARTICLE),
        ("@mine,lora", "full,freeze:last=2+amp,freeze,discriminative,amp,lora"),
        ("d:head=5:body=1,@same", "d:body=1:head=5"),
        ("@line", "llrd,amp"),
        ("freeze:last=0,@article", "freeze:last=0,full,discriminative,amp"),
        ("@article,freeze:last=0", "freeze:last=0,full,discriminative,amp"),
        ("@article,@other,lora", f"{ARTICLE},full+nowhere:x=1,lora"),
        ("@other,@article", "freeze:last=0,amp:dtype=auto,full+nowhere:x=1,full,discriminative"),
        ("./a@b.py:Mine,only:match=@x", "./a@b.py:Mine,only:match=@x"),
    ],
)
def test_compositions_stand_in_the_place_of_a_group_each_once(text: str, expanded: str) -> None:
    written = {
        "mine": ["full", "freeze:last=2+amp", "@within"],
        "within": ["@article"],
        "same": ["d:head=5:body=1"],
        "line": "llrd, amp",
        "other": ["freeze:last=0", "amp:dtype=auto", "full+nowhere:x=1"],
    }
    assert expand(text, read_groups(written, PATH)) == expanded


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("@articl", "unknown group in --strategies '@articl'. Did you mean @article? Known: @adapters, @all"),
        ("full,@article,full", "--strategies lists full twice"),
        ("@article,freeze:lsat", "'lsat' in strategy 'freeze:lsat' is not of the form"),
        ("@article+amp", "--strategies: @article+amp cannot be: a group is no part of a composition"),
        ("full,@article:lr=1e-3", "--strategies: @article:lr=1e-3 cannot be: a group takes no options"),
        ("@article,amp,freeze,freeze:last=0", "--strategies lists freeze and freeze:last=0, which is the same"),
        ("amp + @article", "--strategies: amp + @article cannot be"),
        ("@", "unknown group in --strategies '@'."),
    ],
)
def test_a_wrong_group_is_one_line(text: str, words: str) -> None:
    with pytest.raises(UsageError) as caught:
        expand(text, {})
    assert str(caught.value).startswith(words)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ("groups = 3", "groups in {path}: it is a table: [groups]"),
        ("[groups]\nmine = 3", "groups.mine in {path} is 3; give a list of compositions"),
        ("[groups]\nmine = ['full', 3]", "groups.mine in {path} is ['full', 3]; give a list"),
        ("[groups]\nmine = []", "groups.mine in {path} is empty"),
        ("[groups]\nmine = ' '", "groups.mine in {path} is empty"),
        ("[groups]\nmine = ['full', 'full']", "groups.mine in {path} lists full twice"),
        (
            "[groups]\nmine = ['amp+full', 'full+amp']",
            "groups.mine in {path} lists amp+full and full+amp, which is the same",
        ),
        ("[groups]\nmine = ['@mine:lr=1']", "groups.mine in {path}: @mine:lr=1 cannot be: a group takes no options"),
        ("[groups]\nmine = ['@mine']", "groups.mine in {path} holds itself: @mine > @mine; take it out"),
        ("[groups]\na = ['@b']\nb = ['full', '@c']\nc = ['@b']", "groups.b in {path} holds itself: @b > @c > @b"),
        ("[groups]\nmine = ['@min']", "unknown group in groups.mine in {path} '@min'. Did you mean @mine?"),
        ("[groups]\nall = ['full']", "groups.all in {path}: @all comes with bench; give yours another name"),
        ("[groups]\n'a,b' = ['full']", "groups.a,b in {path}: the name of a group has letters, digits"),
        ("[group]\nmine = ['full']", "unknown setting in {path} 'group'. Did you mean groups?"),
    ],
)
def test_a_wrong_table_is_one_line_whether_its_groups_are_asked_for_or_not(
    tmp_path: Path, table: str, words: str
) -> None:
    config = tmp_path / "bench.toml"
    config.write_text(table)
    with pytest.raises(UsageError) as caught:
        Settings.gather({}, config=config)
    assert str(caught.value).startswith(words.format(path=config))
    assert "\n" not in str(caught.value)


def test_groups_are_asked_for_on_the_command_line_and_in_the_file(tmp_path: Path) -> None:
    config = tmp_path / "bench.toml"
    config.write_text('strategies = ["@mine", "ia3"]\n[groups]\nmine = ["full", "lora:rank_pattern=ranks"]\n')
    assert Settings.gather({}, config=config).strategies == "full,lora:rank_pattern=ranks,ia3"
    assert Settings.gather({"strategies": "amp,@mine"}, config=config).strategies.startswith("amp,full,lora")


def test_a_group_of_ones_own_may_name_tables_of_options(tmp_path: Path) -> None:
    config = tmp_path / "bench.toml"
    config.write_text('[groups]\nmine = ["adapter:type=lora:rank_pattern=ranks"]\n[options.ranks]\nq_proj = 4\n')
    strategies = Settings.gather({"strategies": "@mine"}, config=config).strategies
    assert strategies == "adapter:rank_pattern=q_proj=4:type=lora"


def test_a_gate_trains_the_compositions_of_a_group() -> None:
    subject = gather({"strategies": "@article"}, None, lambda _: "cpu")
    assert [spec.name for spec in subject.specs] == ARTICLE.split(",")
    assert subject.work["strategies"] == ARTICLE


def test_python_names_groups_too() -> None:
    with pytest.raises(UsageError, match=r"^unknown group in strategies= '@artcle'. Did you mean @article\?"):
        bench.compare(["full", "@artcle"])
