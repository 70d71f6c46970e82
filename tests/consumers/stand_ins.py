# SPDX-License-Identifier: Apache-2.0
"""What answers in place of Lepton and Run:ai, and keeps what it is asked for."""

from __future__ import annotations

import json
from http.server import BaseHTTPRequestHandler
from types import SimpleNamespace
from typing import Any


class RecordingLepton:
    """Stands in for Lepton's client; what it is given is made of Lepton's own, checked types."""

    def __init__(self, node_group: str) -> None:
        group = SimpleNamespace(metadata=SimpleNamespace(name=node_group, id_="group-id"))
        node = SimpleNamespace(metadata=SimpleNamespace(id_="node-id"))
        self.nodegroup = SimpleNamespace(list_all=lambda: [group], list_nodes=lambda _: [node])
        self.job = SimpleNamespace(create=lambda job: job)
        self.raycluster = RecordingRayClusters()


class RecordingRayClusters:
    """The Ray clusters of a Lepton workspace: none, until one is created."""

    def __init__(self) -> None:
        self.created: list[Any] = []

    def get(self, _: str) -> Any:
        """Return the state of the cluster that was created; IndexError where none was."""
        self.created[0]
        return SimpleNamespace(status=SimpleNamespace(state="Ready"))

    def create(self, cluster: Any) -> Any:
        self.created.append(cluster)
        return cluster

    def safe_json(self, _: Any) -> str:
        return ""


class RunAI(BaseHTTPRequestHandler):
    """The three calls of the Run:ai interface that a submission makes; keeps what it is sent."""

    received: list[tuple[str, Any]]
    project: str

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.received.append((self.path, body))
        self.answer(
            {"accessToken": "token"} if self.path.endswith("/token") else {"workloadId": "1"}
        )

    def do_GET(self) -> None:
        self.answer(
            {"projects": [{"name": self.project, "id": "project-id", "clusterId": "cluster-id"}]}
        )

    def answer(self, body: dict[str, Any]) -> None:
        content = json.dumps(body).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Keep the test's output for the test."""
