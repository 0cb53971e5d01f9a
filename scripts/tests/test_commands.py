"""The commands of the documents do what the documents say. `scripts/commands.py` has the rules."""

import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import commands
import pytest
from commands import BadPageError, parse

ROOT = commands.ROOT
PAGES = {
    path.relative_to(ROOT).as_posix(): path for path in (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")))
}


# Not parsed yet: a page that cannot be parsed fails its own test, and not all of them.
RUNNING = [name for name, path in PAGES.items() if "<!-- run" in path.read_text()]


@pytest.mark.parametrize("name", PAGES)
def test_the_comments_of_a_page_can_be_followed(name):
    page = parse(name, PAGES[name].read_text())
    assert page.runs == (name in RUNNING)


@pytest.fixture(scope="session")
def ran(request):
    """The pages that were asked for, all begun at once: they mostly wait."""
    names = {item.callspec.params["page"] for item in request.session.items if "ran" in item.fixturenames}
    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        yield {name: pool.submit(commands.run, parse(name, PAGES[name].read_text())) for name in sorted(names)}


@pytest.mark.parametrize("page", RUNNING)
def test_the_commands_of_a_page_do_what_it_says(page, ran):
    try:
        ran[page].result()
    except BadPageError as wrong:
        pytest.fail(str(wrong), pytrace=False)


def block(comment, text, kind="sh"):
    return f"<!-- {comment} -->\n```{kind}\n{text}\n```\n"


def run(text):
    return commands.run(parse("page.md", text))


# === Reading ===


def test_blocks_without_a_comment_are_left_alone():
    page = parse("page.md", "# x\n```sh\nrm -r /\n```\n" + block("not run: it is dangerous", "rm -r /"))
    assert not page.runs
    assert not page.blocks


def test_a_comment_inside_of_a_block_is_text():
    page = parse("page.md", "```md\n<!-- run -->\n```\n")
    assert not page.blocks


def test_a_blank_line_may_stand_between():
    assert parse("page.md", "<!-- run -->\n\n```sh\ntrue\n```\n").runs


def test_a_block_of_a_list_loses_its_indent():
    page = parse("page.md", "1. x\n\n   <!-- file: a.toml -->\n   ```toml\n   [a]\n     b = 1\n   ```\n")
    assert page.blocks[0].text == "[a]\n  b = 1\n"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (block("runs", "true"), "page.md:1: `runs` is not one of"),
        (block("run: quickly", "true"), "page.md:1: `run: quickly` is not one of"),
        ("# x\n\n<!-- run -->\n\nand then\n```sh\ntrue\n```\n", "page.md:5: `run` stands before a block"),
        ("<!-- run -->\nand then\n", "page.md:2: `run` stands before a block"),
        ("<!-- file: a -->\n", "page.md: `file: a` stands before a block"),
        (block("prints", "x", "text"), "page.md:1: `prints`, and no block before it is run"),
        (block("file: ../x", "x"), "page.md:1: ../x is not the name"),
        (block("file: /etc/x", "x"), "page.md:1: /etc/x is not the name"),
        ("<!-- needs: mysql -->\n" + block("run", "true"), "page.md:1: `needs: mysql`: only postgres, redis"),
        (block("run", "true") + "<!-- needs: redis -->\n", "page.md:5: `needs: redis` stands before the first block"),
        ("<!-- needs: redis -->\n", "page.md: needs redis and runs nothing"),
        ("<!-- run -->\n```sh\ntrue\n", "page.md:2: the block does not end"),
    ],
)
def test_a_comment_that_cannot_be_followed_is_found(text, said):
    with pytest.raises(BadPageError) as wrong:
        parse("page.md", text)
    assert str(wrong.value).startswith(said)


# === Running ===


def test_blocks_of_a_page_share_a_shell_a_folder_and_files():
    text = (
        block("run", "place=$PWD; mkdir sub\ncd sub")
        + block("file: deep/a.txt", "one\ntwo", "text")
        + block("run", 'echo "$(cat deep/a.txt)"; [ "$place/sub" = "$PWD" ]; [ "$HOME" = "$place" ]')
        + block("prints", "one\ntwo", "text")
    )
    assert "two" in run(text)


def test_an_ellipsis_stands_for_anything():
    run(block("run", "echo session 17 of   user 4") + block("prints", "session … of user …", "text"))


@pytest.mark.parametrize("promised", ["three", "two\none", "on", "o…e two"])
def test_a_line_that_is_not_printed_is_found(promised):
    text = block("run", "echo one; echo two") + block("prints", promised, "text")
    with pytest.raises(BadPageError, match=r"^page.md:[78]: not printed, or not in this order: "):
        run(text)


def test_only_what_the_block_before_printed_counts():
    text = block("run", "echo one") + block("run", "echo two") + block("prints", "one", "text")
    with pytest.raises(BadPageError, match="^page.md:11: not printed"):
        run(text)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("echo before\nfalse\necho after", r"page.md:9: exit code 1\n    \| before$"),
        ("false | cat", r"page.md:8: exit code 1"),
        ('\n\necho "$NOBODY_HAS_SET_THIS"', r"page.md:7: exit code \d+\n(.*\n)*.*line 10: NOBODY_HAS_SET_THIS: unbound"),
        ("sidgate check --config none.toml", r"page.md:8: exit code 78\n.*none.toml"),
    ],
)
def test_a_command_that_fails_is_shown_with_its_line(line, said):
    with pytest.raises(BadPageError, match="^" + said):
        run("# A page\n" + block("run", "true") + block("run", line))


def test_an_exit_code_may_be_promised():
    fails = block("run: exit 78", "sidgate check --config none.toml")
    run(fails + block("run", "true"))
    with pytest.raises(BadPageError, match="ended with exit code 78, not 3"):
        run(fails.replace("exit 78", "exit 3"))


def test_a_page_that_waits_for_ever_is_ended(monkeypatch):
    monkeypatch.setattr(commands, "PAGE_SECONDS", 1)
    with pytest.raises(BadPageError, match=r"^page.md:2: not done after 1 s\n    \| begun"):
        run(block("run", "echo begun; sleep 987654 & sleep 987654"))
    assert not still_runs("987654")


def still_runs(argument):
    """The kernel ends what is left of a namespace on its own time."""
    for _ in range(100):
        if not any(argument in read(path) for path in Path("/proc").glob("[0-9]*/cmdline")):
            return False
        time.sleep(0.05)
    return True


def read(path):
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""


def test_what_still_runs_at_the_end_is_ended():
    run(block("run", "sleep 876543 &"))
    assert not still_runs("876543")


def test_two_pages_have_the_same_port():
    text = block(
        "run",
        "python3 -m http.server --bind 127.0.0.1 3000 &\n"
        "curl -s -o /dev/null --retry 50 --retry-connrefused --retry-delay 1 http://127.0.0.1:3000/\nsleep 0.5",
    )
    with ThreadPoolExecutor() as pool:
        for done in [pool.submit(run, text) for _ in range(2)]:
            done.result()


def test_servers_are_there_when_a_page_needs_them():
    text = block("run", "psql -h 127.0.0.1 -U postgres -tAc 'select 40 + 2'; redis-cli -h 127.0.0.1 ping")
    run("<!-- needs: postgres, redis -->\n" + text + block("prints", "42\nPONG", "text"))
