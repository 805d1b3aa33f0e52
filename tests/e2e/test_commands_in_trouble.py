"""What commands show and change while resolvers fail."""

import re
import time

import dns.rcode

from rig import scripted_resolver
from rig.certificates import RESOLVER_NAME
from rig.client import query
from rig.forwarder import backend, configuration
from rig.namespaces import RESOLVER, RESOLVER_B
from rig.waiting import wait_until

HEALTHY, NOT_HEALTHY = 0, 3


def ask(rig, name):
    return rig.client.ask(query(name))


def the(status, name):
    return next(one for one in status["backends"] if one["name"] == name)


def test_status_says_why_nobody_can_be_asked(rig):
    missing = {"name": "missing", "address": "198.18.2.99:853",
               "tls": {"subject_name": RESOLVER_NAME, "ca_store": str(rig.authority.certificate)}}
    with rig.dotline(configuration([missing])) as dotline:
        def told():
            assert ask(rig, "nobody.example").rcode() == dns.rcode.SERVFAIL
            return dotline.command("status").returncode == NOT_HEALTHY
        wait_until(told, "an unhealthy status")
        shown = dotline.command("status")
        assert "is NOT healthy: no backend is up" in shown.stdout.splitlines()[0]
        text = " ".join(shown.stdout.split())
        assert re.search(r"! backend missing (cannot be reached|is out of rotation)[^!]*last failure: connect: ", text), shown.stdout
        status = dotline.status()
        assert status["healthy"] is False and status["why"] == "no backend is up"
        assert the(status, "missing")["last_failure"]["class"] == "connect"
        assert dotline.http("/healthz")[0] == 503


def test_status_says_what_is_wrong_with_a_certificate(rig):
    wrong = rig.authority.issue("wrong-for-status", names=["other.example"])
    with (rig.scripted_resolver(wrong, address=RESOLVER) as first, rig.scripted_resolver(address=RESOLVER_B) as second,
          rig.dotline(configuration([backend(first, rig.authority, name="wrong", tls={
              "subject_name": RESOLVER_NAME, "ca_store": str(rig.authority.certificate)}),
                                     backend(second, rig.authority, name="right", order=2)])) as dotline):
        def told():
            assert ask(rig, f"n{time.monotonic_ns()}.example").rcode() == dns.rcode.NOERROR
            return the(dotline.status(), "wrong")["last_failure"]
        failure = wait_until(told, "the certificate's failure")
        assert failure["class"] == "certificate" and failure["text"]
        shown = dotline.command("status")
        assert shown.returncode == HEALTHY, "the other one answers"
        assert "certificate: " in " ".join(shown.stdout.split())


def test_flush_forgets_what_had_failed(rig):
    with rig.scripted_resolver(behaviour=scripted_resolver.silent) as resolver:
        settings = configuration([backend(resolver, rig.authority, query_timeout=300, health_checks={"mode": "up"})])
        settings["packet_caches"][0]["temporary_failure_ttl"] = 300
        with rig.dotline(settings) as dotline:
            def held():
                return dotline.metrics().value("dotline_held_failures_total")
            # Held for a second, then two, four: long enough to see the difference. Who asks again while the question is open joins it.
            for failure in range(3):
                def failed():
                    before = held()
                    assert ask(rig, "failed.example").rcode() == dns.rcode.SERVFAIL
                    return held() == before
                wait_until(failed, f"failure {failure}", timeout=60)
                wait_until(lambda: dotline.metrics().value("dotline_questions") == 0, "nobody asks for it any more")
            resolver.behaviour = scripted_resolver.answer
            before = held()
            assert ask(rig, "failed.example").rcode() == dns.rcode.SERVFAIL
            assert held() == before + 1
            assert dotline.command("cache", "flush", "failed.example").returncode == 0
            assert ask(rig, "failed.example").rcode() == dns.rcode.NOERROR


def test_a_backend_held_up_is_asked_though_its_checks_fail(rig):
    with rig.scripted_resolver(behaviour=scripted_resolver.silent) as resolver:
        checks = {"mode": "auto", "interval": 1, "timeout": 200, "max_failures": 1}
        with rig.dotline(configuration([backend(resolver, rig.authority, name="one", query_timeout=300,
                                                health_checks=checks)])) as dotline:
            wait_until(lambda: not the(dotline.status(), "one")["in_rotation"], "the resolver out of rotation")
            assert dotline.command("backend", "up", "one").returncode == 0
            assert the(dotline.status(), "one")["in_rotation"]
            counted = dotline.metrics().value("dotline_backend_health_checks_total")
            time.sleep(2.5)
            assert dotline.metrics().value("dotline_backend_health_checks_total") <= counted + 1, "the one under way"
            assert the(dotline.status(), "one")["in_rotation"]
            assert dotline.command("backend", "auto", "one").returncode == 0
            wait_until(lambda: not the(dotline.status(), "one")["in_rotation"], "out of rotation again")
