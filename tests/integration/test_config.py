"""`braidd --check-config`: what is wrong, what is worth a look, and what counts."""

import subprocess

from braid_cluster import braidd, die_with_parent


def check(*arguments, stdout=subprocess.PIPE):
    return subprocess.run([braidd(), "--check-config", *arguments], stdout=stdout,
                          stderr=subprocess.PIPE, timeout=60, check=False,
                          preexec_fn=die_with_parent)


def test_what_counts_is_printed():
    done = check("--az", "here")
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"\naz = here\n" in done.stdout


def test_seeds_without_the_node_itself_are_worth_a_look():
    done = check("--seeds", "10.0.0.1:4568,10.0.0.2:4568")
    assert done.returncode == 0
    assert b"warning: --seeds: 127.0.0.1:4568" in done.stderr
    assert b"is not among them" in done.stderr
    done = check("--seeds", "10.0.0.1:4568,127.0.0.1:4568")
    assert (done.returncode, done.stderr) == (0, b"")


def test_a_section_is_refused(tmp_path):
    path = tmp_path / "braidd.conf"
    path.write_text("az = a\n[node]\n", encoding="ascii")
    done = check("--config", str(path))
    assert (done.returncode, done.stdout) == (2, b"")
    assert f"{path}:2: [node]: there are no sections" in done.stderr.decode()


def test_what_cannot_be_printed_is_an_error():
    with open("/dev/full", "wb") as full:
        done = check(stdout=full)
    assert done.returncode == 1
    assert done.stderr == b"braidd: write standard output: No space left on device\n"
