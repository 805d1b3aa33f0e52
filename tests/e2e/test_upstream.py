"""What the resolver sees of the clients: each question once, padded, and nothing of the clients but the question itself."""

import random

import dns.edns
import dns.flags
import dns.message
import dns.rcode
import pytest

from rig.client import query
from rig.forwarder import backend, configuration
from rig.scripted_resolver import ADDRESS, answer

CLIENTS = 1000
PADDED_TO = 128  # RFC 8467 §4.1.


@pytest.fixture(scope="module")
def resolver(rig):
    with rig.scripted_resolver() as resolver:
        yield resolver


@pytest.fixture(scope="module")
def client(rig, resolver):
    with rig.dotline(configuration([backend(resolver, rig.authority)])):
        yield rig.client


@pytest.fixture(autouse=True)
def healthy_again(resolver):
    yield
    resolver.behaviour, resolver.delay = answer, 0.0


def randomly_cased(name, count):
    randomly = random.Random(count)
    return ["".join(randomly.choice((letter.lower(), letter.upper())) for letter in name) for _ in range(count)]


def assert_all_answered(payloads, all_replies):
    """Each asker has exactly one reply: its own id, its own spelling of the question, the right address."""
    for payload, replies in zip(payloads, all_replies):
        assert len(replies) == 1
        assert replies[0][:2] == payload[:2]
        assert replies[0][12:len(payload)] == payload[12:]
        reply = dns.message.from_wire(replies[0])
        assert reply.rcode() == dns.rcode.NOERROR
        assert [rdata.to_text() for rdata in reply.answer[0]] == [ADDRESS]


def test_the_second_and_all_further_clients_are_answered_from_memory(client, resolver):
    assert client.ask(query("remembered.example")).rcode() == dns.rcode.NOERROR
    assert resolver.questions()[("remembered.example.", "A")] == 1
    payloads = [query(name, identity=7 * index % 65536).to_wire()
                for index, name in enumerate(randomly_cased("remembered.example", CLIENTS))]
    assert_all_answered(payloads, client.exchange(payloads, linger=0.5))
    assert resolver.questions()[("remembered.example.", "A")] == 1


def test_a_thousand_clients_with_one_new_question_ask_the_resolver_once(client, resolver):
    resolver.delay = 0.5
    payloads = [query(name, identity=11 * index % 65536).to_wire()
                for index, name in enumerate(randomly_cased("awaited.example", CLIENTS))]
    assert_all_answered(payloads, client.exchange(payloads, linger=0.5))
    assert resolver.questions()[("awaited.example.", "A")] == 1


def test_many_different_questions_at_once_each_find_their_answer(client, resolver):
    resolver.delay = 0.2
    payloads = [query(f"different-{index}.example", identity=500 - index).to_wire() for index in range(500)]
    assert_all_answered(payloads, client.exchange(payloads, linger=0.3))
    asked = resolver.questions()
    assert all(asked[(f"different-{index}.example.", "A")] == 1 for index in range(500))


@pytest.mark.parametrize("labels", [1, 2, 3, 4], ids=lambda labels: f"{labels}_long_labels")
def test_queries_to_the_resolver_are_padded(client, resolver, labels):
    before = len(resolver.received)
    for length in (1, 20, 50, 55):
        client.ask(query(".".join(f"{label}{'p' * length}" for label in range(labels)) + f".padded{labels}.example"))
    sent = resolver.received[before:]
    assert len(sent) == 4
    assert [len(wire) % PADDED_TO for wire in sent] == [0] * 4


def test_nothing_of_the_client_but_the_question_reaches_the_resolver(client, resolver):
    cookie = dns.edns.GenericOption(10, b"\x11\x22\x33\x44\x55\x66\x77\x88")
    subnet = dns.edns.ECSOption("198.18.1.0", 24)
    local = dns.edns.GenericOption(65001, b"a-private-option-of-the-client")
    message = query("opened.example", edns=1400, options=[cookie, subnet, local])
    message.flags |= dns.flags.CD | dns.flags.AA | dns.flags.RA
    trailing = b"and-some-trailing-octets"
    before = len(resolver.received)
    reply = dns.message.from_wire(client.exchange([message.to_wire() + trailing])[0][0])
    assert reply.rcode() == dns.rcode.NOERROR
    assert [(option.otype, option.data[:8]) for option in reply.options] == [(10, cookie.data)], "its own cookie, completed"
    assert len(resolver.received) == before + 1
    sent = resolver.received[before]
    assert trailing not in sent and b"private-option" not in sent
    seen = dns.message.from_wire(sent)
    assert [question.to_text() for question in seen.question] == ["opened.example. IN A"]
    assert not seen.answer and not seen.authority and not seen.additional
    assert seen.flags & (dns.flags.AA | dns.flags.RA | dns.flags.TC | dns.flags.QR) == 0
    assert seen.flags & dns.flags.RD and seen.flags & dns.flags.CD
    assert {option.otype for option in seen.options} <= {dns.edns.OptionType.PADDING, 11}  # 11: keepalive, RFC 7828.


@pytest.mark.parametrize("dnssec_ok", [False, True])
def test_do_is_passed_on_and_kept_apart(client, resolver, dnssec_ok):
    client.ask(query("signed.example", edns=1232, dnssec_ok=dnssec_ok))
    flags = [bool(dns.message.from_wire(wire).ednsflags & dns.flags.DO) for wire in resolver.received
             if b"\x06signed" in wire]
    assert flags.count(dnssec_ok) == 1


def test_ad_comes_back_only_to_those_who_understand_it(client, resolver):
    def validated(query_message):
        reply = dns.message.from_wire(answer(query_message))
        reply.flags |= dns.flags.AD
        return reply.to_wire()
    resolver.behaviour = validated
    understands = query("validated.example")
    understands.flags |= dns.flags.AD
    ignorant = query("validated.example")
    ignorant.flags &= ~dns.flags.AD
    for _ in range(2):
        assert client.ask(understands).flags & dns.flags.AD
        assert not client.ask(ignorant).flags & dns.flags.AD


def test_nothing_of_the_resolvers_opt_reaches_a_client(client, resolver):
    def talkative(query_message):
        reply = dns.message.make_response(query_message, recursion_available=True, our_payload=4000)
        reply.answer.append(dns.rrset.from_text(query_message.question[0].name, 300, "IN", "A", ADDRESS))
        reply.use_edns(0, payload=4000, options=[dns.edns.GenericOption(10, b"c" * 24), dns.edns.GenericOption(12, bytes(64))])
        return reply.to_wire()
    resolver.behaviour = talkative
    for _ in range(2):
        with_opt = client.ask(query("talkative.example", edns=1232))
        assert (with_opt.payload, with_opt.options) == (1232, ())
        assert client.ask(query("talkative.example")).edns == -1
