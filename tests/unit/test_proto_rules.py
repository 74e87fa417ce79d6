"""The lint rules of buf.yaml that no proto of this project may switch off."""

import shutil
import subprocess
import sys
from pathlib import Path

CHECKOUT = Path(__file__).parents[2]
BUF = Path(sys.executable).with_name("buf")

PROTO = """
syntax = "proto3";

package example.v1;

// An example.
message Example {
  // Its title.
  // buf:lint:ignore FIELD_LOWER_SNAKE_CASE
  string Title = 1;
}
"""


def test_a_comment_cannot_switch_a_rule_off(tmp_path: Path) -> None:
    shutil.copy(CHECKOUT / "buf.yaml", tmp_path)
    proto = tmp_path / "protos" / "example" / "v1" / "example.proto"
    proto.parent.mkdir(parents=True)
    proto.write_text(PROTO)

    linted = subprocess.run(
        [BUF, "lint"], cwd=tmp_path, capture_output=True, text=True, check=False
    )

    assert linted.returncode
    assert 'Field name "Title" should be lower_snake_case' in linted.stdout
