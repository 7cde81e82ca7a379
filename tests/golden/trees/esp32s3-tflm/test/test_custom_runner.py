# What `pio test` does with the lines of test_selftest/main.cpp: each vector is a case.
import re

from platformio.public import TestCase, TestRunnerBase, TestStatus

CASE = re.compile(r"selftest (\d+) of (\d+): (ok|\d+ bytes differ)")


class CustomTestRunner(TestRunnerBase):
    """Gathers each vector once; the program on a board repeats itself until somebody listens."""

    def on_testing_line_output(self, line):
        """Take one line of the device."""
        for number, count, verdict in CASE.findall(line):
            names = [case.name for case in self.test_suite.cases]
            if f"vector {number}" not in names:
                status = TestStatus.PASSED if verdict == "ok" else TestStatus.FAILED
                self.test_suite.add_case(TestCase(f"vector {number}", status, message=verdict))
            if len(self.test_suite.cases) == int(count):
                self.test_suite.on_finish()
