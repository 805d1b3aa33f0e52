#!/usr/bin/python3
"""Writes the seeds of the fuzz targets into corpus/: one small file for each kind of message or frame, good or bad.

Run by hand when a kind is added; what it writes is kept in the repository. Needs dnspython and scapy.
"""

import base64
import pathlib
import struct

import dns.edns
import dns.flags
import dns.message
import dns.name
import dns.opcode
import dns.rcode
import dns.rrset
from scapy.layers.inet import ICMP, IP, TCP, UDP, IPOption_NOP
from scapy.layers.inet6 import IPv6, IPv6ExtHdrDestOpt, IPv6ExtHdrFragment, IPv6ExtHdrHopByHop
from scapy.layers.l2 import ARP, Dot1Q, Ether

CORPUS = pathlib.Path(__file__).parent / "corpus"
NAME = "www.example.com."


def header(flags, questions=1, answers=0, authorities=0, additionals=0, identity=0x1234):
    return struct.pack("!6H", identity, flags, questions, answers, authorities, additionals)


def wire_name(text):
    return dns.name.from_text(text).to_wire()


def question(name=NAME, rdtype=1, rdclass=1):
    return wire_name(name) + struct.pack("!2H", rdtype, rdclass)


def record(owner, rdtype, rdata, ttl=300, rdclass=1, length=None):
    return owner + struct.pack("!2HIH", rdtype, rdclass, ttl, len(rdata) if length is None else length) + rdata


def opt(options=b"", size=1232, ttl=0, owner=b"\0", length=None):
    return record(owner, 41, options, ttl, size, length)


def option(code, value=b"", length=None):
    return struct.pack("!2H", code, len(value) if length is None else length) + value


def pointer(position):
    return struct.pack("!H", 0xC000 | position)


def query(name=NAME, rdtype="A", **arguments):
    message = dns.message.make_query(name, rdtype, **arguments)
    message.id = 0x1234
    return message


def queries():
    seeds = {
        "plain_a": query().to_wire(),
        "mixed_case": query("WwW.eXaMpLe.CoM.").to_wire(),
        "root_ns": query(".", "NS").to_wire(),
        "reverse_v6": query("1." + "0." * 31 + "ip6.arpa.", "PTR").to_wire(),
        "any": query(rdtype="ANY").to_wire(),
        "axfr": query(rdtype="AXFR").to_wire(),
        "https": query(rdtype="HTTPS").to_wire(),
        "type_65535": header(0x0100) + question(rdtype=65535),
        "chaos": query("version.bind.", "TXT", rdclass="CH").to_wire(),
        "edns": query(use_edns=0, payload=4096).to_wire(),
        "edns_size_0": query(use_edns=0, payload=0).to_wire(),
        "edns_do": query(want_dnssec=True).to_wire(),
        "edns_version_1": query(use_edns=1).to_wire(),
        "longest_label": query("a" * 63 + ".example.").to_wire(),
        "longest_name": header(0) + (b"\x3f" + b"x" * 63) * 3 + b"\x3d" + b"x" * 61 + b"\0" + b"\0\1\0\1",
        "most_labels": header(0) + b"\1a" * 127 + b"\0" + b"\0\1\0\1",
        "odd_octets": header(0) + b"\5\0.\xff\x1b\n\0" + b"\0\1\0\1",
        "all_flags": header(0x05FF) + question(),
        "trailing": query().to_wire() + b"\xaa" * 40,
        "trailing_after_opt": query(use_edns=0).to_wire() + b"\xaa" * 40,
    }
    for name, options in {
        "cookie_8": option(10, b"c" * 8),
        "cookie_24": option(10, b"c" * 24),
        "cookie_40": option(10, b"c" * 40),
        "cookie_9": option(10, b"c" * 9),
        "cookie_41": option(10, b"c" * 41),
        "cookies_two": option(10, b"c" * 8) * 2,
        "nsid_ecs_expire_cookie": option(3) + option(8, b"\0\1\x18\0\xc0\0\2") + option(9) + option(10, b"c" * 8),
        "keepalive_padding": option(11) + option(12, b"\0" * 50),
        "keepalive_timeout": option(11, b"\0\x64"),
        "ecs_ipv6": option(8, b"\0\2\x38\0\x20\1\x0d\xb8\0\0\0"),
        "ecs_no_family": option(8, b"\0\0\0\0"),
        "ecs_bit_beyond_prefix": option(8, b"\0\1\x17\0\xc0\0\3"),
        "ecs_scope": option(8, b"\0\1\x18\x18\xc0\0\2"),
        "ecs_prefix_33": option(8, b"\0\1\x21\0\xc0\0\2\0\0"),
        "ecs_family_3": option(8, b"\0\3\0\0"),
        "options_100": option(100) * 100,
        "options_101": option(100) * 101,
        "option_overruns": option(100, b"xy", 3),
        "option_stray_octets": option(100) + b"\0\0\0",
    }.items():
        seeds[name] = header(0x0100, additionals=1) + question() + opt(options)
    one = header(0x0100, additionals=1) + question()
    seeds |= {
        "opt_named": one + opt(owner=wire_name("a.")),
        "opt_compressed": one + opt(owner=pointer(12)),
        "opt_longer_than_message": one + opt(length=65535),
        "opt_cut_short": one + opt()[:-1],
        "opt_missing": one,
        "two_opts": header(0x0100, additionals=2) + question() + opt() * 2,
        "tsig_like": one + record(b"\0", 250, b"\0" * 16, 0, 255),
        "answer_in_query": header(0, answers=1) + question() + record(pointer(12), 1, b"\1\2\3\4"),
        "authority_in_query": header(0, authorities=1) + question() + record(pointer(12), 1, b"\1\2\3\4"),
        "no_question": header(0x0100, 0),
        "no_question_cookie": header(0x0100, 0, additionals=1) + opt(option(10, b"c" * 8)),
        "two_questions": header(0x0100, 2) + question() * 2,
        "question_missing": header(0x0100),
        "question_cut_short": query().to_wire()[:-1],
        "name_cut_short": header(0) + b"\7exam",
        "name_of_256": header(0) + (b"\x3f" + b"x" * 63) * 3 + b"\x3e" + b"x" * 62 + b"\0" + b"\0\1\0\1",
        "pointer_to_itself": header(0) + pointer(12) + b"\0\1\0\1",
        "pointer_to_header": header(0) + b"\1a" + pointer(0) + b"\0\1\0\1",
        "label_type_01": header(0) + b"\x41" + b"x" * 65 + b"\0" + b"\0\1\0\1",
        "label_type_10": header(0) + b"\x80" + b"x" * 128 + b"\0" + b"\0\1\0\1",
        "response": header(0x8180) + question(),
        "truncated": header(0x0300) + question(),
        "notify": header(dns.opcode.NOTIFY << 11) + question(),
        "update": header(dns.opcode.UPDATE << 11) + question(),
        "opcode_15_header_only": header(15 << 11, 0),
        "eleven_octets": header(0)[:11],
        "empty": b"",
    }
    return seeds


def response(rdtype="A", rcode=dns.rcode.NOERROR, answer=(), authority=(), additional=(), **arguments):
    message = dns.message.make_response(query(rdtype=rdtype, **arguments), recursion_available=True)
    message.set_rcode(rcode)
    for section, texts in ((message.answer, answer), (message.authority, authority), (message.additional, additional)):
        for text in texts:
            owner, ttl, kind, rdata = text.split(" ", 3)
            section.append(dns.rrset.from_text(owner, int(ttl), "IN", kind, rdata))
    return message.to_wire()


SOA = "example.com. 900 SOA ns.example.com. hostmaster.example.com. 1 7200 3600 1209600 300"
CNAME = NAME + " 600 CNAME a.cdn.example.net."
RRSIG = "RRSIG A 13 3 300 20300101000000 20240101000000 12345 example.com. " + "A" * 86 + "=="


def good_answers():
    return {
        "a": response(answer=[NAME + " 300 A 192.0.2.1"]),
        "aaaa": response("AAAA", answer=[NAME + " 300 AAAA 2001:db8::1"]),
        "a_edns": response(answer=[NAME + " 300 A 192.0.2.1"], use_edns=0),
        "chain": response(answer=[CNAME, "a.cdn.example.net. 30 A 192.0.2.1"]),
        "chain_without_data": response(answer=[CNAME], authority=[SOA]),
        "dname": response(answer=["example.com. 60 DNAME example.net.", NAME + " 60 CNAME www.example.net."]),
        "nodata": response(authority=[SOA]),
        "nodata_without_soa": response(),
        "nxdomain": response(rcode=dns.rcode.NXDOMAIN, authority=[SOA]),
        "nxdomain_alias": response(rcode=dns.rcode.NXDOMAIN, answer=[CNAME], authority=[SOA]),
        "signed": response(answer=[NAME + " 300 A 192.0.2.1", NAME + " 300 " + RRSIG], want_dnssec=True),
        "denied": response(
            authority=[SOA, "a.example.com. 300 NSEC z.example.com. A RRSIG NSEC"], want_dnssec=True
        ),
        "nsec3": response(
            rcode=dns.rcode.NXDOMAIN,
            authority=[SOA, "abc.example.com. 300 NSEC3 1 0 0 - 2T7B4G4VSA5SMI47K61MV5BV1A22BOJR A RRSIG"],
        ),
        "mx": response("MX", answer=[NAME + " 300 MX 10 mail.example.com."], additional=["mail.example.com. 60 A 192.0.2.2"]),
        "ns": response("NS", answer=[NAME + " 300 NS ns.example.com."]),
        "ptr": response("PTR", answer=[NAME + " 300 PTR host.example.com."]),
        "soa": response("SOA", answer=[SOA.replace("example.com.", NAME, 1)]),
        "srv": response("SRV", answer=[NAME + " 300 SRV 1 2 443 host.example.com."]),
        "naptr": response("NAPTR", answer=[NAME + ' 300 NAPTR 1 2 "u" "E2U+sip" "!^.*$!sip:x@y!" .']),
        "https": response("HTTPS", answer=[NAME + " 300 HTTPS 1 . alpn=h2,h3 ipv4hint=192.0.2.1"]),
        "txt": response("TXT", answer=[NAME + ' 300 TXT "v=spf1 -all"']),
        "rp": response("RP", answer=[NAME + " 300 RP a.example.com. b.example.com."]),
        "px": response("PX", answer=[NAME + " 300 PX 10 a.example.com. b.example.com."]),
        "unknown_type": response("TYPE65280", answer=[NAME + r" 300 TYPE65280 \# 4 c0ffee00"]),
        "ttl_zero": response(answer=[NAME + " 0 A 192.0.2.1"]),
        "servers_and_glue": response(
            answer=[NAME + " 300 A 192.0.2.1"],
            authority=[f"example.com. 900 NS {letter}.name-servers.example.net." for letter in "abcdefghijklm"],
            additional=[f"{letter}.name-servers.example.net. 900 {kind}" for letter in "abcdefghijklm"
                        for kind in ("A 192.0.2.9", "AAAA 2001:db8::9")],
        ),
        "many": response(answer=[NAME + f" 300 A 192.0.2.{i}" for i in range(1, 60)]),
        "too_many_for_udp": response("TXT", answer=[NAME + f' 300 TXT "{i:0200}"' for i in range(8)]),
        "referral": response(authority=["example.com. 60 NS ns.example.com."], additional=["ns.example.com. 60 A 192.0.2.3"]),
        "servfail": response(rcode=dns.rcode.SERVFAIL),
        "refused_ede": response(rcode=dns.rcode.REFUSED, use_edns=0),
        "servfail_header_only": header(0x8182, 0),
        "formerr_header_only": header(0x8181, 0),
    }


def odd_answers():
    a = record(pointer(12), 1, b"\xc0\0\2\1")
    first = 12 + len(question())  # Where the first record is.

    def answer(records, answers=1, authorities=0, additionals=0, flags=0x8180):
        return header(flags, 1, answers, authorities, additionals) + question() + records

    return {
        "keepalive_padding_cookie": answer(
            a + opt(option(11, b"\1\x2c") + option(12, b"\0" * 60) + option(10, b"c" * 24)), additionals=1
        ),
        "opt_first": answer(a + opt() + a, additionals=2),
        "opt_in_the_middle": answer(a + a + opt() + record(b"\0", 250, b"\0" * 16, 0, 255), additionals=3),
        "badvers": answer(opt(ttl=1 << 24), 0, additionals=1),
        "tsig_before_opt": answer(a + record(b"\0", 250, b"\0" * 16, 0, 255) + opt(), additionals=2),
        "sig0_before_opt": answer(a + record(b"\0", 24, b"\0" * 20, 0, 255) + opt(), additionals=2),
        "tsig_as_answer": answer(record(b"\0", 250, b"\0" * 16, 0, 255)),
        "class_any": answer(record(pointer(12), 1, b"\1\2\3\4", rdclass=255)),
        "class_chaos_beside": answer(a + record(pointer(12), 1, b"\1\2\3\4", rdclass=3) + opt(), additionals=2),
        "additional_count_one_more": answer(a, additionals=1),
        "additional_count_one_more_after_opt": answer(a + a + opt(), additionals=3),
        "blocked": answer(opt(b"\0\x0f\0\2\0\x0f"), 0, additionals=1, flags=0x8103),
        "bogus_and_more": answer(opt(b"\0\x0f\0\3\0\x09x" + b"\0\x0f\0\2\0\x16"), 0, additionals=1, flags=0x8182),
        "two_opts": answer(opt() * 2, 0, additionals=2),
        "opt_as_answer": answer(opt()),
        "opt_named": answer(opt(owner=pointer(12)), 0, additionals=1),
        "ttl_bit_31": answer(record(pointer(12), 1, b"\xc0\0\2\1", 0x80000001)),
        "pointer_into_ttl": answer(
            record(pointer(12), 16, b"", 0x01610000) + record(pointer(first + 6), 16, b""), 2
        ),
        # The class of the question, 1, as the length of a label; the name ends in what is not relayed.
        "pointer_to_a_name_that_runs_on": answer(record(pointer(first - 1), 16, b"") + b"\0" * 60),
        "pointer_chain": answer(
            b"".join(record(pointer(first + 12 * (i - 1) if i else 12), 16, b"") for i in range(20)), 20
        ),
        "pointer_to_itself": answer(record(pointer(first), 1, b"\1\2\3\4")),
        "pointer_forward": answer(record(pointer(first + 12), 1, b"\1\2\3\4")),
        "pointer_to_header": answer(record(pointer(2), 1, b"\1\2\3\4")),
        "pointer_in_rdata_to_itself": answer(record(pointer(12), 5, pointer(first + 12))),
        "pointer_to_rdata": answer(
            record(pointer(12), 2, b"\2ns" + pointer(16)) + record(pointer(first + 12), 1, b"\1\2\3\4"), 1, 0, 1
        ),
        "name_of_256_by_pointer": answer(
            record(pointer(12), 5, (b"\x3f" + b"x" * 63) * 3 + b"\x2e" + b"x" * 46 + pointer(12))
        ),
        "rdata_longer_than_name": answer(record(pointer(12), 5, b"\1a\0\0")),
        "rdata_shorter_than_name": answer(record(pointer(12), 5, b"\1a\0", length=2) + a, 2),
        "soa_too_short": answer(record(pointer(12), 6, b"\0\0" + b"\0" * 19), 0, 1),
        "a_of_five": answer(record(pointer(12), 1, b"\1\2\3\4\5")),
        "rdlength_65535": answer(record(pointer(12), 16, b"abc", length=65535)),
        "counts_lie": answer(a, 65535, 65535, 65535),
        "count_one_more": answer(a, 2),
        "trailing": answer(a + b"\xaa" * 30),
        "truncated": answer(b"", 0, flags=0x8380),
        "query": answer(a, flags=0x0100),
        "header_only_noerror": header(0x8180, 0),
        "servfail_records_without_question": header(0x8182, 0, 1) + record(b"\0", 1, b"\1\2\3\4"),
        "two_questions": header(0x8180, 2) + question() * 2,
        "empty": b"",
    }


# The first octet of a frame's seed: bit 0 expects VLAN 100, bit 1 verifies UDP checksums.
VERIFIED, TAGGED = b"\x02", b"\x03"


def frames():
    payload = query(use_edns=0).to_wire()
    ethernet = Ether(src="02:00:00:00:00:02", dst="02:00:00:00:00:01")
    ipv4 = IP(src="192.0.2.2", dst="192.0.2.1")
    ipv6 = IPv6(src="2001:db8::2", dst="2001:db8::1")
    udp = UDP(sport=40000, dport=53)
    good = ethernet / ipv4 / udp / payload
    seeds = {
        "ipv4": good,
        "ipv6": ethernet / ipv6 / udp / payload,
        "ipv4_priority_tag": ethernet / Dot1Q(vlan=0, prio=5) / ipv4 / udp / payload,
        "ipv6_other_tag": ethernet / Dot1Q(vlan=7) / ipv6 / udp / payload,
        "ipv4_padded": ethernet / ipv4 / udp / payload / (b"\0" * 18),
        "ipv4_options": ethernet / IP(src="192.0.2.2", dst="192.0.2.1", options=[IPOption_NOP()] * 4) / udp / payload,
        "ipv4_fragment": ethernet / IP(src="192.0.2.2", dst="192.0.2.1", flags="MF") / udp / payload,
        "ipv4_bad_checksum": ethernet / IP(src="192.0.2.2", dst="192.0.2.1", chksum=1) / udp / payload,
        "ipv4_ihl_4": ethernet / IP(src="192.0.2.2", dst="192.0.2.1", ihl=4) / udp / payload,
        "ipv4_too_long": ethernet / IP(src="192.0.2.2", dst="192.0.2.1", len=1400) / udp / payload,
        "ipv4_from_itself": ethernet / IP(src="192.0.2.1", dst="192.0.2.1") / udp / payload,
        "ipv4_no_udp_checksum": ethernet / ipv4 / UDP(sport=40000, dport=53, chksum=0) / payload,
        "ipv4_bad_udp_checksum": ethernet / ipv4 / UDP(sport=40000, dport=53, chksum=1) / payload,
        "ipv4_udp_too_long": ethernet / ipv4 / UDP(sport=40000, dport=53, len=1000) / payload,
        "ipv4_udp_too_short": ethernet / ipv4 / UDP(sport=40000, dport=53, len=7) / payload,
        "ipv4_from_echo": ethernet / ipv4 / UDP(sport=7, dport=53) / payload,
        "ipv4_empty": ethernet / ipv4 / udp,
        "ipv4_garbage": ethernet / ipv4 / udp / (b"\xc0\x0c" * 30),
        "ipv4_response": ethernet / ipv4 / udp / (b"\x12\x34\x81\x80" + payload[4:]),
        "ipv4_opcode_15": ethernet / ipv4 / udp / (b"\x12\x34\x78\0" + b"\0" * 8),
        "tcp": ethernet / ipv4 / TCP(sport=40000, dport=53),
        "icmp": ethernet / ipv4 / ICMP(),
        "arp": ethernet / ARP(psrc="192.0.2.2", pdst="192.0.2.1"),
        "ipv6_no_udp_checksum": ethernet / ipv6 / UDP(sport=40000, dport=53, chksum=0) / payload,
        "ipv6_fragment": ethernet / ipv6 / IPv6ExtHdrFragment() / udp / payload,
        "ipv6_hop_by_hop": ethernet / ipv6 / IPv6ExtHdrHopByHop() / udp / payload,
        "ipv6_destination_options": ethernet / ipv6 / IPv6ExtHdrDestOpt() / udp / payload,
        "ipv6_too_long": ethernet / IPv6(src="2001:db8::2", dst="2001:db8::1", plen=1400) / udp / payload,
    }
    octets = {name: VERIFIED + bytes(frame) for name, frame in seeds.items()}
    octets["ipv4_tagged"] = TAGGED + bytes(ethernet / Dot1Q(vlan=100) / ipv4 / udp / payload)
    octets["ipv6_tagged"] = TAGGED + bytes(ethernet / Dot1Q(vlan=100) / ipv6 / udp / payload)
    octets["tag_cut"] = TAGGED + bytes(ethernet / Dot1Q(vlan=100))[:16]
    octets["partial_checksum"] = b"\0" + bytes(ethernet / ipv4 / UDP(sport=40000, dport=53, chksum=0x1234) / payload)
    for size in (13, 33, 41):
        octets[f"cut_at_{size}"] = VERIFIED + bytes(good)[:size]
    return octets


def usual_frames():
    """What the hit path takes, and what is only a little different."""
    ethernet = Ether(src="02:00:00:00:00:02", dst="02:00:00:00:00:01")
    udp = UDP(sport=40000, dport=53)
    plain = query().to_wire()
    payloads = {
        "plain": plain,
        "upper_case": plain.replace(b"www", b"wWW").replace(b"example", b"ExAmPlE"),
        "aaaa": plain.replace(b"\0\x01\0\x01", b"\0\x1c\0\x01"),
        "edns": query(use_edns=0, payload=1232).to_wire(),
        "dnssec": query(want_dnssec=True).to_wire(),
        "trailing": plain + b"\0",
        "absent": plain.replace(b"example", b"exampel"),
        "name_cut": plain[:20],
    }
    seeds = {}
    for kind, payload in payloads.items():
        seeds[f"ipv4_{kind}"] = VERIFIED + bytes(ethernet / IP(src="192.0.2.2", dst="192.0.2.1") / udp / payload)
        seeds[f"ipv6_{kind}"] = VERIFIED + bytes(ethernet / IPv6(src="2001:db8::2", dst="2001:db8::1") / udp / payload)
    return seeds


def http2_frame(kind, flags, stream, payload=b""):
    return struct.pack("!I", len(payload))[1:] + struct.pack("!BBI", kind, flags, stream) + payload


def http2_answers():
    """What a DNS-over-HTTPS server may say to two queries. The first octet of a seed: queries and size of pieces."""
    data, headers, reset, settings, push, ping, goaway, window, continuation = 0, 1, 3, 4, 5, 6, 7, 8, 9
    end_stream, end_headers = 1, 4

    def status(code):  # HPACK without tables: the static entry for 200, or a literal.
        return b"\x88" if code == 200 else b"\x08\x03" + str(code).encode()

    def field(index, value):  # Literal, not indexed, with the name of a static entry above 15.
        return b"\x0f" + bytes([index - 15, len(value)]) + value

    content_type = field(31, b"application/dns-message")
    greeting = http2_frame(settings, 0, 0, struct.pack("!HI", 3, 100)) + http2_frame(settings, 1, 0)
    message = header(0x8180, identity=0) + question()
    head = http2_frame(headers, end_headers, 1, status(200) + content_type)
    answered = head + http2_frame(data, end_stream, 1, message)
    seeds = {
        "answer": answered,
        "both_answers": http2_frame(headers, end_headers, 3, status(200) + content_type) + answered
        + http2_frame(data, end_stream, 3, message),
        "split_content": head + http2_frame(data, 0, 1, message[:5]) + http2_frame(data, end_stream, 1, message[5:]),
        "split_headers": http2_frame(headers, 0, 1, status(200)) + http2_frame(continuation, end_headers, 1, content_type)
        + http2_frame(data, end_stream, 1, message),
        "content_length": http2_frame(headers, end_headers, 1, status(200) + content_type + field(28, b"33"))
        + http2_frame(data, end_stream, 1, message),
        "padded": head + http2_frame(data, end_stream | 8, 1, b"\x03" + message + bytes(3)),
        "information_first": http2_frame(headers, end_headers, 1, status(103)) + answered,
        "trailers": head + http2_frame(data, 0, 1, message) + http2_frame(headers, end_headers | end_stream, 1, field(28, b"0")),
        "status_503": http2_frame(headers, end_headers | end_stream, 1, status(503)),
        "another_type": http2_frame(headers, end_headers, 1, status(200) + field(31, b"text/html"))
        + http2_frame(data, end_stream, 1, message),
        "no_content": http2_frame(headers, end_headers | end_stream, 1, status(200) + content_type),
        "too_long": head + http2_frame(data, 0, 1, bytes(16384)) * 5,
        "answer_twice": answered + answered,
        "reset": http2_frame(reset, 0, 1, struct.pack("!I", 2)) + http2_frame(reset, 0, 3, struct.pack("!I", 7)),
        "goaway": http2_frame(goaway, 0, 0, struct.pack("!II", 1, 0)) + answered,
        "goaway_all": http2_frame(goaway, 0, 0, struct.pack("!II", 0, 11)),
        "ping": http2_frame(ping, 0, 0, bytes(8)) + answered,
        "window": http2_frame(window, 0, 0, struct.pack("!I", 1)) + http2_frame(window, 0, 1, struct.pack("!I", 0x7FFFFFFF)),
        "push": http2_frame(push, end_headers, 1, struct.pack("!I", 2) + b"\x82\x84\x87"),
        "no_streams": http2_frame(settings, 0, 0, struct.pack("!HI", 3, 0)) + answered,
        "hpack_overrun": http2_frame(headers, end_headers, 1, b"\xff" * 8),
        "unknown_frame": http2_frame(0x42, 0xFF, 1, bytes(5)) + answered,
        "stream_0": http2_frame(data, 0, 0, bytes(5)),
        "frame_too_long": http2_frame(data, 0, 1, bytes(16385)),
    }
    whole = {name: b"\x01" + greeting + octets for name, octets in seeds.items()}
    return whole | {
        "octet_by_octet": b"\x09" + greeting + answered,
        "without_settings": b"\x01" + answered,
        "http_1": b"\x01HTTP/1.1 400 Bad Request\r\n\r\n",
    }


def http2_requests():
    """What a client of DNS over HTTPS may send. The first octet of a seed: the fate of queries and the size of pieces."""
    data, headers, priority, reset, settings, push, ping, goaway, window, continuation = range(10)
    end_stream, end_headers = 1, 4
    get, post, https = b"\x82", b"\x83", b"\x87"  # HPACK's static table.

    def field(index, value):  # Literal, not indexed, with the name of a static entry.
        return (bytes([index]) if index < 15 else bytes([15, index - 15])) + bytes([len(value)]) + value

    path, length, kind = 4, 28, 31
    message = query().to_wire()
    encoded = base64.urlsafe_b64encode(message).rstrip(b"=")
    ours = post + https + field(path, b"/dns-query") + field(kind, b"application/dns-message")
    greeting = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + http2_frame(settings, 0, 0, struct.pack("!HI", 2, 0)) \
        + http2_frame(settings, 1, 0)

    def posted(stream):
        return http2_frame(headers, end_headers, stream, ours) + http2_frame(data, end_stream, stream, message)

    def asked(fields, stream=1):
        return http2_frame(headers, end_headers | end_stream, stream, fields)

    seeds = {
        "post": posted(1),
        "post_at_root": http2_frame(headers, end_headers, 1, post + https + b"\x84" + field(kind, b"application/dns-message"))
        + http2_frame(data, end_stream, 1, message),
        "post_twice": posted(1) + posted(3),
        "post_with_length": http2_frame(headers, end_headers, 1, ours + field(length, str(len(message)).encode()))
        + http2_frame(data, end_stream, 1, message),
        "post_with_wrong_length": http2_frame(headers, end_headers, 1, ours + field(length, b"9"))
        + http2_frame(data, end_stream, 1, message),
        "post_too_much": http2_frame(headers, end_headers, 1, ours) + http2_frame(data, end_stream, 1, bytes(4097)),
        "post_of_text": http2_frame(headers, end_headers, 1, post + https + field(path, b"/dns-query") + field(kind, b"text/plain"))
        + http2_frame(data, end_stream, 1, message),
        "split_content": http2_frame(headers, end_headers, 1, ours) + http2_frame(data, 0, 1, message[:9])
        + http2_frame(data, end_stream, 1, message[9:]),
        "split_headers": http2_frame(headers, 0, 1, ours[:9]) + http2_frame(continuation, end_headers, 1, ours[9:])
        + http2_frame(data, end_stream, 1, message),
        "padded": http2_frame(headers, end_headers, 1, ours) + http2_frame(data, end_stream | 8, 1, b"\x03" + message + bytes(3)),
        "trailers": http2_frame(headers, end_headers, 1, ours) + http2_frame(data, 0, 1, message) + asked(field(length, b"0")),
        "get": asked(get + https + field(path, b"/dns-query?dns=" + encoded)),
        "get_among_parameters": asked(get + https + field(path, b"/dns-query?a=b&dns=" + encoded + b"&c")),
        "get_padded": asked(get + https + field(path, b"/dns-query?dns=" + encoded + b"=")),
        "get_nothing": asked(get + https + b"\x84"),
        "put": asked(b"\x02\x03PUT" + https + b"\x84"),
        "connect": asked(b"\x02\x07CONNECT" + field(1, b"dns.example:443")),
        "unknown_header": asked(get + https + field(path, b"/?dns=" + encoded) + b"\0\x0fx-forwarded-for\x09192.0.2.1"),
        "table_entries": asked(get + https + b"\x84" + b"\x40\x01a\x01b" + b"\xbe" * 40),
        "reset": posted(1) + http2_frame(reset, 0, 1, struct.pack("!I", 8)),
        "window_of_nothing": posted(1) + http2_frame(window, 0, 1, bytes(4)),
        "window_too_far": posted(1) + http2_frame(window, 0, 1, b"\x7f\xff\xff\xff"),
        "no_window": http2_frame(settings, 0, 0, struct.pack("!HI", 4, 0)) + posted(1),
        "goaway": posted(1) + http2_frame(goaway, 0, 0, bytes(8)),
        "ping": http2_frame(ping, 0, 0, bytes(8)) + posted(1),
        "priority": http2_frame(priority, 0, 3, bytes(5)) + posted(1),
        "push": http2_frame(push, end_headers, 1, struct.pack("!I", 2) + get),
        "even_stream": posted(2),
        "unknown_frame": http2_frame(0x42, 0xFF, 1, bytes(5)) + posted(1),
    }
    whole = {name: b"\0" + greeting + octets for name, octets in seeds.items()}
    return whole | {
        "octet_by_octet": b"\x04" + greeting + posted(1),
        "long_reply": b"\x01" + greeting + posted(1),
        "no_reply": b"\x02" + greeting + posted(1),
        "late_reply": b"\x03" + greeting + posted(1) + posted(3),
        "http_1": b"\0GET /dns-query HTTP/1.1\r\nhost: a\r\n\r\n",
        "tls": b"\0\x16\x03\x01\x02\0",
    }


def proxy_replies():
    """The first octet of a seed: whom to connect to, and the size of pieces."""
    without_login, with_login = b"\x05\x00", b"\x05\x02\x01\x00"
    connected = b"\x05\x00\x00\x01" + bytes(6)
    return {
        "v4": b"\xff" + without_login + connected,
        "v6": b"\xfe" + without_login + b"\x05\x00\x00\x04" + bytes(18),
        "name": b"\xff" + with_login + b"\x05\x00\x00\x03\x0bdns.example\x03\x55",
        "longest_name": b"\xff" + with_login + b"\x05\x00\x00\x03\xff" + bytes(257),
        "octet_by_octet": b"\x00" + with_login + connected,
        "no_method": b"\xff\x05\xff",
        "login_refused": b"\xff\x05\x02\x01\x01",
        "connection_refused": b"\xff" + without_login + b"\x05\x05\x00\x01" + bytes(6),
        "reserved_octet": b"\xff" + without_login + b"\x05\x00\x01\x01" + bytes(6),
        "address_type": b"\xff" + without_login + b"\x05\x00\x00\x02" + bytes(6),
        "http": b"\xffHTTP/1.1 400",
    }


def commands():
    """Lines of the control socket."""
    return {
        "status": b'{"command":"status"}',
        "reload": b'{"command":"reload"}',
        "flush": b'{"command":"cache flush"}',
        "flush_all_of_it": b'{"command":"cache flush","cache":"main","name":"Www.Example.","suffix":true,"type":"AAAA"}',
        "flush_nulls": b'{"command":"cache flush","cache":null,"name":null,"suffix":null,"type":null}',
        "flush_type": b'{"command":"cache flush","type":"TYPE65"}',
        "flush_suffix_alone": b'{"command":"cache flush","suffix":true}',
        "backend_up": b'{"command":"backend","name":"one","state":"up"}',
        "backend_auto": b'{"command":"backend","name":"\\u001b","state":"auto"}',
        "unknown": b'{"command":"fly"}',
        "unknown_member": b'{"command":"status","a":1.5e300}',
        "no_command": b"{}",
        "half": b'{"command":"sta',
        "deep": b'{"command":"status","a":' + b"[" * 40 + b"]" * 40 + b"}",
        "list": b'["status"]',
        "no_utf8": b'{"command":"\xff"}',
    }


def framed(*messages):
    return b"".join(struct.pack("!H", len(message)) + message for message in messages)


def tcp_streams():
    """The first octet: even in the clear, odd inside TLS; its half is how many octets come at once, 0 for all."""
    known = queries()
    one = query().to_wire()
    with_options = query(options=[dns.edns.GenericOption(11, b""), dns.edns.GenericOption(12, bytes(20))]).to_wire()
    every = framed(*known.values())
    return {
        "one": b"\x00" + framed(one),
        "one_in_tls": b"\x01" + framed(one),
        "octet_by_octet": b"\x02" + framed(one, one),
        "three_by_three": b"\x07" + framed(one, with_options),
        "keepalive_and_padding": b"\x00" + framed(with_options),
        "keepalive_and_padding_in_tls": b"\x01" + framed(with_options),
        "keepalive_with_a_time": b"\x00" + framed(query(options=[dns.edns.GenericOption(11, b"\0\x64")]).to_wire()),
        "every_kind": b"\x00" + every,
        "every_kind_in_tls": b"\x41" + every,
        "same_question_often": b"\x00" + framed(*[one] * 100),
        "many_questions": b"\x00" + framed(*[query(f"n{i}.example.").to_wire() for i in range(70)]),
        "any": b"\x00" + framed(query(rdtype="ANY").to_wire()),
        "no_length": b"\x00\0\0" + framed(one),
        "one_octet": b"\x00\0\1x" + framed(one),
        "eleven_octets": b"\x00" + framed(bytes(11)),
        "header_only": b"\x00" + framed(header(0x0100)),
        "longer_than_the_query": b"\x00" + framed(one + bytes(14), one),
        "shorter_than_the_query": b"\x00" + framed(one[:-3]) + one[-3:],
        "longest": b"\x00" + framed(one + bytes(65535 - len(one))),
        "announced_only": b"\x00\xff\xff" + one,
        "half_a_prefix": b"\x00" + framed(one) + b"\0",
        "garbage": b"\x00" + framed(*[bytes(12)] * 120),
        "responses": b"\x00" + framed(*[b"\x12\x34\x80" + bytes(9)] * 120),
    }


def write(target, seeds):
    folder = CORPUS / target
    folder.mkdir(parents=True, exist_ok=True)
    for name, octets in seeds.items():
        (folder / name).write_bytes(octets)
    print(f"{target}: {len(seeds)} seeds")


if __name__ == "__main__":
    write("query", queries())
    write("answer", good_answers() | odd_answers())
    write("frame", frames())
    write("hit", frames() | usual_frames())
    write("doh", http2_answers())
    write("http_request", http2_requests())
    write("tcp_stream", tcp_streams())
    write("proxy", proxy_replies())
    write("command", commands())
