"""The parts of the default suite, for tests/run: what each one runs, and which run side by side.

There are two lanes.  What computes runs part after part, what fails fast first, each on all
processors.  Tests of real clusters wait most of the time: several programs of them run beside the
computing lane, which is nice to them, from the moment when there is a braidd.  When both lanes have
ended, those have the machine that say who leads on a machine that keeps up.

A part prints one line when it ends, and when it failed the end of what its failed step said.  One
whose tests were not all run has failed too: what was skipped holds nothing.  --self-test proves it.
"""

import atexit
import contextlib
import dataclasses
import glob
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import types

BUILD = os.path.abspath(os.environ.get("BUILD", "build"))
CHECKED, OPTIMISED, SDK, LOGS = (os.path.join(BUILD, name)
                                 for name in ("checked", "optimised", "sdk", "logs"))
GROUPS = ("lint", "unit", "sim", "cluster", "sdk", "clang")
FUZZ_SECONDS = "5"  # for each target
LINES_SHOWN = 40    # of what failed
# What pytest (-ra) and meson say of a test that nobody can learn anything of.
UNPROVEN = re.compile(r"^(?:SKIPPED|XFAIL|XPASS)\b.*$|^ *\d+/\d+ .*\bSKIP\b.*$", re.MULTILINE)
COMPUTING_NICE = 10
# Files of integration tests with clusters whose nodes must not ail, nor wait long for a processor:
# leaders would move, as they should, and not as these expect.
ALONE = ("test_leaders.py", "test_rolling_restart.py")
# Files of cluster tests that are begun with, so that nobody waits for them at the end.
LONGEST = ("test_subscribe_to_shard.py", "test_limits.py", "test_signatures.py",
           "test_forgotten.py", "test_runbook_slow_disk.py", "test_nodes.py", "test_kill.py",
           "test_runbook_lost_majority.py", "test_runbook_add_and_drain.py", "test_full_disk.py")

os.environ.update(BUILD=BUILD, BRAID_BUILD=CHECKED, BRAID_SDK=SDK,
                  ASAN_OPTIONS="detect_leaks=1:abort_on_error=1",
                  UBSAN_OPTIONS="halt_on_error=1:print_stacktrace=1")


@dataclasses.dataclass
class Part:
    """It runs when one of its groups is wanted, after the parts that it needs.  Its shares run at
    once, the commands of a share one after the other until one fails."""
    name: str
    groups: tuple
    shares: list
    needs: tuple = ()
    passed: bool = False
    ended: threading.Event = dataclasses.field(default_factory=threading.Event)


def setup(folder, *options):
    """Once."""
    made = os.path.exists(os.path.join(folder, "build.ninja"))
    return [] if made else [["meson", "setup", folder, *options]]


def meson_test(folder, suite, *options):
    """Compiles what the suite's tests need."""
    return ["meson", "test", "-C", folder, "--suite", suite, "--print-errorlogs", *options]


def pytest(*arguments):
    return [[sys.executable, "-m", "pytest", "-q", *arguments]]


def cluster_tests(folder, programs):
    """Each program takes the next file that nobody has (tests/conftest.py)."""
    claims = tempfile.mkdtemp(prefix=os.path.basename(folder) + "-claims-", dir=LOGS)
    atexit.register(shutil.rmtree, claims, ignore_errors=True)
    files = [file for file in glob.glob(os.path.join(folder, "test_*.py"))
             if os.path.basename(file) not in ALONE]
    files.sort(key=lambda file: (os.path.basename(file) not in LONGEST, file))
    return [pytest("--claims", claims, *files)] * programs


def computing():
    """In this order."""
    checked = setup(CHECKED, "-Db_sanitize=address,undefined", "-Db_lundef=false")
    optimised = setup(OPTIMISED, "--buildtype=release")
    return [
        Part("lint", ("lint",), [checked + [meson_test(CHECKED, "lint", "--no-rebuild")]]),
        Part("build", ("unit", "cluster", "sdk"),
             [checked + [["ninja", "-C", CHECKED, "daemon/braidd", "cli/braid"]]]),
        Part("unit", ("unit",), [[meson_test(CHECKED, "unit")]], ("build",)),
        Part("cppcheck", ("lint",), [[["tests/lint/cppcheck"]]], ("build",)),
        Part("sim", ("sim",), [optimised + [
            ["ninja", "-C", OPTIMISED, "daemon/braidd", "cli/braid", "benches"],
            meson_test(OPTIMISED, "sim")]], ("build",)),
        Part("clang", ("clang",), [[["tests/lint/clang", BUILD]]], ("build",)),
        Part("fuzz", ("clang",), [[["tests/fuzz/run", FUZZ_SECONDS]]], ("build",))]


def waiting():
    """All at once."""
    return [
        Part("conformance", ("cluster",), cluster_tests("tests/conformance", 2), ("build",)),
        Part("integration", ("cluster",), cluster_tests("tests/integration", 2), ("build",)),
        Part("fetch", ("sdk",), [[["tests/integration/sdk/fetch", SDK]]]),
        Part("sdk", ("sdk",), [pytest("tests/integration/sdk")], ("build", "fetch"))]


def alone():
    """At the end, all at once."""
    return [Part("leaders", ("cluster",),
                 [pytest(os.path.join("tests", "integration", file)) for file in ALONE],
                 ("build",))]


class Suite:
    def __init__(self, wanted):
        self.lanes = [[part for part in lane if wanted & set(part.groups)]
                      for lane in (computing(), waiting(), alone())]
        self.parts = {part.name: part for lane in self.lanes for part in lane}
        self.running = set()
        self.stopping = False
        self.beginning = threading.RLock()
        self.printing = threading.Lock()

    def run(self):
        computing_lane, waiting_lane, alone_lane = self.lanes
        threads = [threading.Thread(target=self.play, args=([part], 0), daemon=True)
                   for part in waiting_lane]
        threads.append(threading.Thread(target=self.play, args=(computing_lane, COMPUTING_NICE),
                                        daemon=True))
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.play(alone_lane, 0)
        passed = sum(part.passed for part in self.parts.values())
        print(f"{passed} passed, {len(self.parts) - passed} failed")
        return passed == len(self.parts)

    def play(self, parts, nice):
        for part in parts:
            needed = [self.parts[name] for name in part.needs if name in self.parts]
            for other in needed:
                other.ended.wait()
            broken = [other.name for other in needed if not other.passed]
            try:
                if broken:
                    self.say(f"FAIL  {part.name}: not run, as {broken[0]} failed")
                else:
                    self.play_part(part, nice)
            except Exception as fault:  # others wait for this part: a full disk must not hang them
                part.passed = False
                self.say(f"FAIL  {part.name}: {fault!r}")
            finally:
                part.ended.set()

    def play_part(self, part, nice):
        """Its shares at once; then its line."""
        began = time.monotonic()
        shares = [Share(self, part.name if len(part.shares) == 1 else f"{part.name}-{number}",
                        commands, nice) for number, commands in enumerate(part.shares, 1)]
        for share in shares:
            share.start()
        for share in shares:
            share.join()
        failed = [share for share in shares if not share.passed]
        took = (f"{time.monotonic() - began:.0f} s,"
                f" {sum(share.cpu_s for share in shares):.0f} s of processors")
        part.passed = not failed
        if part.passed:
            self.say(f"ok    {part.name} ({took})")
        else:
            self.say("\n".join(f"FAIL  {part.name} ({took}), whole output in {share.log}:\n"
                               + share.end() for share in failed))

    def say(self, text):
        with self.printing:
            print(text, flush=True)

    def stop(self, *_):
        """Nothing is begun any more, and what runs ends."""
        with self.beginning:
            self.stopping = True
            for process in self.running:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process, signal.SIGTERM)
        sys.exit(1)


class Share(threading.Thread):
    def __init__(self, suite, name, commands, nice):
        super().__init__(daemon=True)
        self.suite = suite
        self.log = os.path.join(LOGS, name)
        self.commands = commands
        self.nice = nice
        self.cpu_s = 0
        self.unproven = []
        self.passed = False

    def run(self):
        with open(self.log, "wb") as log:
            ended_well = all(self.execute(command, log) for command in self.commands)
        self.unproven = UNPROVEN.findall(self.said())
        self.passed = ended_well and not self.unproven

    def execute(self, command, log):
        """Whether it ended well.  In a process group of its own, which Suite.stop() ends; in this
        session, as Linux weighs nice values within a session."""
        with self.suite.beginning:
            if self.suite.stopping:
                return False
            process = subprocess.Popen(["nice", "-n", str(self.nice), *command], stdout=log,
                                       stderr=log, stdin=subprocess.DEVNULL, process_group=0)
            self.suite.running.add(process.pid)
        _, status, used = os.wait4(process.pid, 0)
        with self.suite.beginning:
            self.suite.running.discard(process.pid)
        process.returncode = os.waitstatus_to_exitcode(status)
        self.cpu_s += used.ru_utime + used.ru_stime
        return process.returncode == 0

    def said(self):
        with open(self.log, encoding="utf-8", errors="replace") as log:
            return log.read()

    def end(self):
        """What to look at: which tests were not run, or else the end of what was said."""
        return "\n".join(self.unproven or self.said().splitlines()[-LINES_SHOWN:])


def self_test():
    """Parts in which nothing, or something, was skipped, as pytest and meson say it."""
    skips = "import pytest\ndef test_fly(): pytest.skip('no wings')\ndef test_walk(): pass\n"
    cases = {"whole": (["echo", " 1/2 unit - braid:log  OK  0.10s"], True),
             "meson": (["echo", " 2/2 unit - braid:fly  SKIP  0.10s"], False),
             "pytest": ([sys.executable, "-m", "pytest", "-q", "-ra", "-p", "no:cacheprovider",
                         "test_skips.py"], False),
             "broken": (["false"], False)}
    suite = types.SimpleNamespace(beginning=threading.RLock(), stopping=False, running=set())
    wrong = []
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        with open("test_skips.py", "w", encoding="ascii") as file:
            file.write(skips)
        for name, (command, passes) in cases.items():
            share = Share(suite, os.path.join(folder, name), [command], 0)
            share.run()
            if share.passed != passes:
                wrong.append(f"self-test: {name}: passed is {share.passed}: {share.said()}")
    return wrong


def main():
    if sys.argv[1:] == ["--self-test"]:
        wrong = self_test()
        print("\n".join(wrong) or "parts: no findings")
        sys.exit(1 if wrong else 0)
    unknown = set(sys.argv[1:]) - set(GROUPS)
    if unknown:
        sys.exit(f"tests/run: there is no part {unknown.pop()}; there are {', '.join(GROUPS)}")
    os.makedirs(LOGS, exist_ok=True)
    suite = Suite(set(sys.argv[1:] or GROUPS))
    signal.signal(signal.SIGTERM, suite.stop)
    signal.signal(signal.SIGINT, suite.stop)
    signal.signal(signal.SIGHUP, suite.stop)
    sys.exit(0 if suite.run() else 1)


if __name__ == "__main__":
    main()
