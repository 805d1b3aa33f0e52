// Builds DNS messages for tests, well-formed or wrong in exactly one way: every count and length
// can be made to lie. Records are put down as given, so compression is the caller's business
// (`pointer_to`).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dataplane/base/bytes.h"
#include "dataplane/dns/protocol.h"

namespace tests {

using Bytes = std::vector<std::byte>;

[[nodiscard]] Bytes bytes_of(std::initializer_list<int> octets);
/// For comparing with what is expected, and for messages of failed tests.
[[nodiscard]] Bytes bytes_of(base::ByteView view);
[[nodiscard]] std::string hex(base::ByteView bytes);
[[nodiscard]] Bytes joined(std::initializer_list<Bytes> parts);

/// "www.example." or "www.example" in wire form; "." is the root. Labels are taken as they are, so
/// too long ones can be made.
[[nodiscard]] Bytes wire_name(std::string_view text);
/// A name of exactly `octets` octets (3-255 make sense): labels of 'x', root included.
[[nodiscard]] Bytes name_of_size(size_t octets);
/// The two octets of a compression pointer.
[[nodiscard]] Bytes pointer_to(size_t position);
/// To the question's name.
[[nodiscard]] inline Bytes pointer_to_question() { return pointer_to(dns::kHeaderSize); }

struct Record {
  Bytes owner;
  dns::Type type{};
  uint32_t ttl = 0;
  Bytes rdata;
  uint16_t klass = 1;                    // An OPT's UDP size.
  std::optional<uint16_t> rdata_length;  // RDLENGTH, if it is not the truth.

  [[nodiscard]] Bytes wire() const;
};

[[nodiscard]] Record a_record(Bytes owner, uint32_t ttl, std::array<int, 4> address);
[[nodiscard]] Record cname_record(Bytes owner, uint32_t ttl, Bytes target);
[[nodiscard]] Record soa_record(Bytes owner, uint32_t ttl, uint32_t minimum);

struct Option {
  uint16_t code = 0;
  Bytes value;
  std::optional<uint16_t> length;  // If it is not the truth.
};

struct Opt {
  uint16_t udp_size = 1232;
  uint8_t extended_rcode = 0;
  uint8_t version = 0;
  uint16_t flags = 0;
  std::vector<Option> options;
};
[[nodiscard]] Record opt_record(const Opt& opt);

class MessageBuilder {
 public:
  MessageBuilder& id(uint16_t value);
  /// The header's whole second word.
  MessageBuilder& flags(uint16_t value);
  /// May be called more than once, or never.
  MessageBuilder& question(Bytes name, dns::Type type, uint16_t klass = 1);
  MessageBuilder& question(std::string_view name, dns::Type type, uint16_t klass = 1);
  MessageBuilder& answer(const Record& record);
  MessageBuilder& authority(const Record& record);
  MessageBuilder& additional(const Record& record);
  MessageBuilder& opt(const Opt& opt) { return additional(opt_record(opt)); }
  /// The four counts of the header, instead of the true ones.
  MessageBuilder& claim(std::array<uint16_t, 4> counts);
  /// Octets after everything else.
  MessageBuilder& trailing(Bytes octets);

  [[nodiscard]] Bytes build() const;
  /// What `build` gives now, in octets: where the next record is going to be.
  [[nodiscard]] size_t size() const { return build().size(); }

 private:
  MessageBuilder& put(size_t section, const Bytes& octets);

  uint16_t id_ = 0x1234;
  uint16_t flags_ = 0;
  std::array<uint16_t, 4> counts_{};
  std::optional<std::array<uint16_t, 4>> claimed_;
  std::array<Bytes, 4> sections_;
  Bytes trailing_;
};

/// A client's usual query: RD=1, class IN, no OPT yet.
[[nodiscard]] MessageBuilder a_query(std::string_view name, dns::Type type = dns::Type::A);
/// A resolver's usual answer to it, without records: QR, RD and RA set.
[[nodiscard]] MessageBuilder an_answer(std::string_view name, dns::Type type = dns::Type::A,
                                       dns::Rcode rcode = dns::Rcode::NoError);

}  // namespace tests
