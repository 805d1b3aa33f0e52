// Appends big-endian numbers and octets to vectors; nothing here knows what is right.
#include "tests/message_builder.h"

#include <algorithm>

namespace tests {
namespace {

void append(Bytes& to, base::ByteView octets) { to.insert(to.end(), octets.begin(), octets.end()); }
void append_u8(Bytes& to, unsigned value) { to.push_back(static_cast<std::byte>(value)); }
void append_u16(Bytes& to, unsigned value) {
  append_u8(to, value >> 8);
  append_u8(to, value);
}
void append_u32(Bytes& to, uint32_t value) {
  append_u16(to, value >> 16);
  append_u16(to, value);
}

}  // namespace

Bytes bytes_of(std::initializer_list<int> octets) {
  Bytes bytes;
  for (const int octet : octets) bytes.push_back(static_cast<std::byte>(octet));
  return bytes;
}

Bytes bytes_of(base::ByteView view) { return Bytes(view.begin(), view.end()); }

std::string hex(base::ByteView bytes) {
  static constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  for (const std::byte octet : bytes) {
    text += kDigits[static_cast<uint8_t>(octet) >> 4];
    text += kDigits[static_cast<uint8_t>(octet) & 15];
  }
  return text;
}

Bytes joined(std::initializer_list<Bytes> parts) {
  Bytes whole;
  for (const Bytes& part : parts) append(whole, part);
  return whole;
}

Bytes wire_name(std::string_view text) {
  Bytes wire;
  if (text.ends_with('.')) text.remove_suffix(1);
  while (!text.empty()) {
    const std::string_view label = text.substr(0, text.find('.'));
    append_u8(wire, static_cast<unsigned>(label.size()));
    append(wire, std::as_bytes(std::span(label)));
    text.remove_prefix(std::min(text.size(), label.size() + 1));
  }
  append_u8(wire, 0);
  return wire;
}

Bytes name_of_size(size_t octets) {
  Bytes wire;
  while (wire.size() + 1 < octets) {
    // A label of one octet less than fits would leave room for a length octet alone.
    size_t label = std::min<size_t>(dns::kMaxLabel, octets - wire.size() - 2);
    if (octets - wire.size() - 2 - label == 1) --label;
    append_u8(wire, static_cast<unsigned>(label));
    wire.insert(wire.end(), label, std::byte{'x'});
  }
  append_u8(wire, 0);
  return wire;
}

Bytes pointer_to(size_t position) {
  Bytes pointer;
  append_u16(pointer, static_cast<unsigned>(0xC000 | position));
  return pointer;
}

Bytes Record::wire() const {
  Bytes octets = owner;
  append_u16(octets, static_cast<uint16_t>(type));
  append_u16(octets, klass);
  append_u32(octets, ttl);
  append_u16(octets, rdata_length.value_or(static_cast<uint16_t>(rdata.size())));
  append(octets, rdata);
  return octets;
}

Record a_record(Bytes owner, uint32_t ttl, std::array<int, 4> address) {
  Bytes rdata = bytes_of({address[0], address[1], address[2], address[3]});
  return {.owner = std::move(owner), .type = dns::Type::A, .ttl = ttl, .rdata = std::move(rdata)};
}

Record cname_record(Bytes owner, uint32_t ttl, Bytes target) {
  return {
      .owner = std::move(owner), .type = dns::Type::Cname, .ttl = ttl, .rdata = std::move(target)};
}

Record soa_record(Bytes owner, uint32_t ttl, uint32_t minimum) {
  Bytes rdata = joined({wire_name("ns.example"), wire_name("hostmaster.example")});
  for (const uint32_t number : {2024010101u, 7200u, 3600u, 1209600u, minimum}) {
    append_u32(rdata, number);
  }
  return {.owner = std::move(owner), .type = dns::Type::Soa, .ttl = ttl, .rdata = std::move(rdata)};
}

Record opt_record(const Opt& opt) {
  Bytes rdata;
  for (const Option& option : opt.options) {
    append_u16(rdata, option.code);
    append_u16(rdata, option.length.value_or(static_cast<uint16_t>(option.value.size())));
    append(rdata, option.value);
  }
  const uint32_t ttl = uint32_t{opt.extended_rcode} << 24 | uint32_t{opt.version} << 16 | opt.flags;
  return {.owner = wire_name("."),
          .type = dns::Type::Opt,
          .ttl = ttl,
          .rdata = std::move(rdata),
          .klass = opt.udp_size};
}

MessageBuilder& MessageBuilder::id(uint16_t value) {
  id_ = value;
  return *this;
}

MessageBuilder& MessageBuilder::flags(uint16_t value) {
  flags_ = value;
  return *this;
}

MessageBuilder& MessageBuilder::question(Bytes name, dns::Type type, uint16_t klass) {
  append_u16(name, static_cast<uint16_t>(type));
  append_u16(name, klass);
  return put(0, name);
}

MessageBuilder& MessageBuilder::question(std::string_view name, dns::Type type, uint16_t klass) {
  return question(wire_name(name), type, klass);
}

MessageBuilder& MessageBuilder::answer(const Record& record) { return put(1, record.wire()); }
MessageBuilder& MessageBuilder::authority(const Record& record) { return put(2, record.wire()); }
MessageBuilder& MessageBuilder::additional(const Record& record) { return put(3, record.wire()); }

MessageBuilder& MessageBuilder::claim(std::array<uint16_t, 4> counts) {
  claimed_ = counts;
  return *this;
}

MessageBuilder& MessageBuilder::trailing(Bytes octets) {
  trailing_ = std::move(octets);
  return *this;
}

MessageBuilder& MessageBuilder::put(size_t section, const Bytes& octets) {
  append(sections_[section], octets);
  ++counts_[section];
  return *this;
}

Bytes MessageBuilder::build() const {
  Bytes message;
  append_u16(message, id_);
  append_u16(message, flags_);
  for (const uint16_t count : claimed_.value_or(counts_)) append_u16(message, count);
  for (const Bytes& section : sections_) append(message, section);
  append(message, trailing_);
  return message;
}

MessageBuilder a_query(std::string_view name, dns::Type type) {
  return MessageBuilder().flags(dns::flag::kRd).question(name, type);
}

MessageBuilder an_answer(std::string_view name, dns::Type type, dns::Rcode rcode) {
  constexpr uint16_t kUsual = dns::flag::kQr | dns::flag::kRd | dns::flag::kRa;
  return MessageBuilder()
      .flags(static_cast<uint16_t>(kUsual | static_cast<uint16_t>(rcode)))
      .question(name, type);
}

}  // namespace tests
