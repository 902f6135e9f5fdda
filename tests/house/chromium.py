"""A page as Chromium lays it out. The page stands in a frame of the width asked for, since a window has a least width."""
import html
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

NAMES = ("chromium", "chromium-headless-shell", "chromium-browser", "google-chrome")
# Runs `work(document of the page)` once it is there, and shows what comes of it.
FRAME = """<!doctype html><body style="margin:0"><iframe style="border:0;width:{width}px;height:900px" srcdoc="{page}"></iframe>
<pre id="found"></pre><script>
const frame = document.querySelector("iframe");
frame.onload = () => {{
  const page = frame.contentDocument;
  document.getElementById("found").textContent = JSON.stringify((() => {{ {work} }})());
}};
</script></body>"""


def find():
    """-> the program; SkipTest where there is none."""
    found = next((path for path in map(shutil.which, NAMES) if path), None)
    if found is None:
        raise unittest.SkipTest(f"no Chromium: none of {', '.join(NAMES)} is on the PATH")
    return found


def ask(browser, page, width, work):
    """What JavaScript `work` returns of `page`, a file's path, shown `width` pixels wide. -> its JSON."""
    with tempfile.TemporaryDirectory() as folder:
        frame = pathlib.Path(folder) / "frame.html"
        frame.write_text(FRAME.format(width=width, page=html.escape(pathlib.Path(page).read_text()), work=work))
        done = subprocess.run([browser, "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={folder}/profile",
                               "--virtual-time-budget=5000", "--window-size=1400,1000", "--dump-dom", frame.as_uri()],
                              capture_output=True, text=True, timeout=60)  # fmt: skip
    found = re.search(r'<pre id="found">(.+?)</pre>', done.stdout)
    assert found, f"{browser} did not show {page}: {done.stderr}"
    return html.unescape(found[1])


def page_width(browser, page, width):
    """How wide the page's content is, in pixels."""
    return int(ask(browser, page, width, "return page.documentElement.scrollWidth;"))
