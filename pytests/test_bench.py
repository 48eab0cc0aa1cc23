"""make bench, as far as it compares Python programs: that it runs. What it finds depends on the machine."""
import os
import re
import subprocess
import sys
import xml.etree.ElementTree as tree

import servers

RUN = os.path.join(os.path.dirname(servers.HERE), "bench", "run.py")


def test_the_part_python_prints_a_table_and_draws_a_picture(newest, tmp_path):
    picture = tmp_path / "python.svg"
    done = subprocess.run([sys.executable, RUN, "--build", os.path.dirname(servers.find_binary()), "--parts", "python",
                           "--quick", "--seconds", "0.001", "--processes", "1,2", "--python", newest.path,
                           "--picture", str(picture)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, universal_newlines=True, timeout=servers.HANG)
    assert done.returncode == 0, done.stdout + done.stderr
    started = re.findall(r"^(fork|fork, 200 MiB|forkserver|spawn) +[0-9.]+ +[0-9.]+ +([0-9.]+) +[0-9.]+ \|", done.stdout,
                         re.M)
    called = re.findall(r"^([A-Za-z].*?) +([12]) +\d+ +\d+ +([0-9.]+) +[0-9.]+ \|", done.stdout, re.M)
    assert len(started) == 4 and len(called) == 16, done.stdout
    root = tree.parse(str(picture)).getroot()
    names = [element.text for element in root.iter("{http://www.w3.org/2000/svg}text")]
    for text in [row[0] for row in started + called] + ["CPython " + newest.name]:
        assert any(name.startswith(text) for name in names), (text, names)
    bars = [e for e in root.iter("{http://www.w3.org/2000/svg}rect") if e.get("class") == "bar"]
    assert len(bars) == 20
