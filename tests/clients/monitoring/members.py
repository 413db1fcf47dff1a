"""Members that serve metrics and the HTTP status, and a client of the latter."""

import http.client
import json

from harness.server import LOOPBACK, free_ports
from harness.slow_disk import SlowDiskMember


class MonitoredMember(SlowDiskMember):
    """A member with a port for Prometheus and one for the HTTP status."""

    def __init__(self, *arguments, **named):
        super().__init__(*arguments, **named)
        self.metrics_port, self.status_port = free_ports(2)
        self.config |= {'metricsProvider.httpPort': self.metrics_port,
                        'metricsProvider.httpHost': LOOPBACK,
                        'admin.serverPort': self.status_port}

    @property
    def metrics_address(self):
        return f'{LOOPBACK}:{self.metrics_port}'


def get(port, path, method='GET'):
    """The status and the text of an answer."""
    connection = http.client.HTTPConnection(LOOPBACK, port, timeout=20)
    try:
        connection.request(method, path)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


def command(member, name):
    """What a command of the HTTP status tells, decoded."""
    status, text = get(member.status_port, f'/commands/{name}')
    if status != 200:
        raise AssertionError(f'{name}: {status}: {text}')
    return json.loads(text)


def metrics(member):
    """The metrics of a member: value by name and labels, as they stand in its text."""
    status, text = get(member.metrics_port, '/metrics')
    if status != 200:
        raise AssertionError(f'/metrics: {status}')
    lines = (line.rsplit(' ', 1) for line in text.splitlines() if not line.startswith('#'))
    return {name: float(value) for name, value in lines}
