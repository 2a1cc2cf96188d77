"""SFTP: an OpenSSH server that anybody can run, with a host key and a user key of its own."""

from __future__ import annotations

import getpass
import os
import shutil
import socket
import subprocess
import uuid
from pathlib import Path

from stores.base import ProcessStore
from stores.folders import FolderPlace

CONFIGURATION = """\
Port {port}
ListenAddress 127.0.0.1
HostKey {root}/host_key
PidFile none
AuthorizedKeysFile {root}/user_key.pub
PasswordAuthentication no
KbdInteractiveAuthentication no
UsePAM no
# The folders above are a temporary one's, which others may write to.
StrictModes no
Subsystem sftp internal-sftp
MaxStartups 100
MaxSessions 100
"""
# What a client needs to know; it stands where OpenSSH looks for it, below the home folder of the server's process.
CLIENT = """\
Host 127.0.0.1
    Port {port}
    IdentityFile {root}/user_key
    IdentitiesOnly yes
    UserKnownHostsFile {root}/known_hosts
"""


class Sftp(ProcessStore):
    name = "sftp"

    def command(self) -> list:
        for key in ("host_key", "user_key"):
            if not (self.root / key).exists():
                line = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", self.root / key]
                subprocess.run(line, check=True)
        host_key = (self.root / "host_key.pub").read_text()
        (self.root / "known_hosts").write_text(f"[127.0.0.1]:{self.port} {host_key}")
        (self.root / "sshd_config").write_text(CONFIGURATION.format(root=self.root, port=self.port))
        home = self.root / "home" / ".ssh"
        home.mkdir(parents=True, exist_ok=True, mode=0o700)
        (home / "config").write_text(CLIENT.format(root=self.root, port=self.port))
        for name in ("known_hosts", "user_key"):
            shutil.copy(self.root / name, home / name)
        shutil.copy(self.root / "user_key", home / "id_ed25519")
        (self.root / "files").mkdir(exist_ok=True)
        if os.geteuid() == 0:
            # As root it separates privileges, for which this folder has to exist.
            Path("/run/sshd").mkdir(exist_ok=True)
        # It insists on an absolute path of itself.
        program = shutil.which("sshd") or "/usr/sbin/sshd"
        return [program, "-D", "-e", "-f", self.root / "sshd_config"]

    def is_ready(self) -> bool:
        with socket.create_connection(("127.0.0.1", self.port), timeout=1) as probe:
            return probe.recv(4) == b"SSH-"

    def place(self) -> FolderPlace:
        root = self.root / "files" / f"t{uuid.uuid4().hex[:12]}"
        root.mkdir()
        place = FolderPlace(f"sftp://{getpass.getuser()}@127.0.0.1:{self.port}{root}", root)
        place.environment = {"HOME": str(self.root / "home")}
        return place
