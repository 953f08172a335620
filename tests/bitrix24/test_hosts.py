"""Whose host is whose: what is the cloud, and where a portal may move."""

from __future__ import annotations

import pytest

from connectors.bitrix24.hosts import host_of, is_cloud, may_move


@pytest.mark.parametrize(
    ("address", "host"),
    [
        ("https://Acme.Bitrix24.ru/rest/", "acme.bitrix24.ru"),
        ("https://acme.bitrix24.ru:443/", "acme.bitrix24.ru"),
        ("http://acme.example:80/", "acme.example"),
        ("http://acme.example:443/", "acme.example:443"),
        ("https://user@acme.example/", "acme.example"),
        ("", ""),
    ],
)
def test_hosts_are_compared_without_case_and_usual_ports(address: str, host: str) -> None:
    assert host_of(address) == host


def test_only_the_vendors_zones_are_the_cloud() -> None:
    assert is_cloud("acme.bitrix24.ru")
    assert is_cloud("b24-x1.bitrix24.com.br")
    for host in ("bitrix24.ru", ".bitrix24.ru", "acme.bitrix24.site", "acme.bitrix24.ru.evil.example", "acme.example"):
        assert not is_cloud(host)
    assert not may_move("https://acme.example/rest/", "http://acme.example/rest/")
    assert may_move("https://acme.example/rest/", "https://crm.acme.example/rest/")
