#include "tls-workers/transport/socks5.h"

#include <openssl/rand.h>

#include <stdexcept>
#include <string>

#include "dataplane/base/assert.h"

namespace transport {
namespace {

constexpr uint8_t kVersion = 5;
constexpr uint8_t kLoginVersion = 1;  // Of RFC 1929's own.
constexpr uint8_t kConnect = 1;

// RFC 1928 §3, §4.
constexpr uint8_t kWithoutLogin = 0x00;
constexpr uint8_t kUserAndPassword = 0x02;
constexpr uint8_t kNoneOfThem = 0xFF;
constexpr uint8_t kV4 = 1;
constexpr uint8_t kName = 3;
constexpr uint8_t kV6 = 4;

/// The longest message of ours: a login of two texts of 255.
constexpr size_t kMaxMessage = 3 + 255 + 255;

backends::Fault broken(const std::string& how) {
  return {backends::Failure::Connect, "does not speak SOCKS5: " + how};
}

/// RFC 1928 §6.
std::string_view words_for(uint8_t reply) {
  switch (reply) {
    case 1:
      return "general failure";
    case 2:
      return "its rules do not allow it";
    case 3:
      return "network unreachable";
    case 4:
      return "host unreachable or unknown";
    case 5:
      return "connection refused";
    case 6:
      return "time to live expired";
    case 7:
      return "it does not know CONNECT";
    case 8:
      return "it does not know this kind of address";
    default:
      return "";
  }
}

void write_text(base::Writer& writer, std::string_view text) {
  writer.u8(static_cast<uint8_t>(text.size()));
  writer.bytes(std::as_bytes(std::span(text)));
}

}  // namespace

Socks5::Socks5(const backends::BackendSettings& backend) : backend_(backend) {
  ASSERT(backend.socks5.has_value());
  std::array<std::byte, 4> greeting{};
  base::Writer writer(greeting);
  writer.u8(kVersion);
  writer.u8(2);
  writer.u8(kWithoutLogin);
  writer.u8(kUserAndPassword);
  say(writer.written());
}

void Socks5::say(base::ByteView message) {
  outgoing_.assign(message.begin(), message.end());
  sent_ = 0;
}

void Socks5::sent(size_t size) {
  sent_ += size;
  ASSERT(sent_ <= outgoing_.size());
}

void Socks5::expect(Phase phase, size_t needed) {
  phase_ = phase;
  needed_ = needed;
}

backends::Step Socks5::take(base::ByteView octets) {
  ASSERT(octets.size() <= wanted());
  base::Writer writer(base::ByteSpan(reply_).subspan(received_));
  writer.bytes(octets);
  received_ += octets.size();
  if (received_ < needed_) return backends::Progress::Wait;
  switch (phase_) {
    case Phase::Method:
      return choose_method();
    case Phase::Login:
      return check_login();
    case Phase::Connect:
      return check_connect();
    case Phase::ConnectAddress:
      break;
  }
  return backends::Progress::Done;
}

backends::Step Socks5::choose_method() {
  base::Reader reader(reply_);
  if (reader.u8() != kVersion) return base::fail(broken("another version"));
  switch (reader.u8()) {
    case kWithoutLogin:
      connect();
      return backends::Progress::Wait;
    case kUserAndPassword:
      log_in();
      return backends::Progress::Wait;
    case kNoneOfThem:
      return base::fail(backends::Fault{backends::Failure::Connect, "wants another kind of login"});
    default:
      return base::fail(broken("a kind of login that was not offered"));
  }
}

void Socks5::log_in() {
  std::array<std::byte, kMaxMessage> message{};
  base::Writer writer(message);
  writer.u8(kLoginVersion);
  write_text(writer, backend_.socks5->user);
  write_text(writer, backend_.socks5->password);
  ASSERT(writer.ok());
  say(writer.written());
  received_ = 0;
  expect(Phase::Login, 2);
}

backends::Step Socks5::check_login() {
  base::Reader reader(reply_);
  if (reader.u8() != kLoginVersion) return base::fail(broken("another version of logins"));
  if (reader.u8() != 0)
    return base::fail(backends::Fault{backends::Failure::Connect, "refuses the login"});
  connect();
  return backends::Progress::Wait;
}

void Socks5::connect() {
  std::array<std::byte, kMaxMessage> message{};
  base::Writer writer(message);
  writer.u8(kVersion);
  writer.u8(kConnect);
  writer.u8(0);
  if (const std::string& host = backend_.host; !host.empty()) {
    writer.u8(kName);
    write_text(writer, host);
  } else {
    const base::IpAddress& address = backend_.address.address;
    writer.u8(address.is_v4() ? kV4 : kV6);
    writer.bytes(address.octets());
  }
  writer.be16(backend_.address.port);
  ASSERT(writer.ok());
  say(writer.written());
  received_ = 0;
  // Version, reply, reserved, and what kind of address follows.
  expect(Phase::Connect, 4);
}

backends::Step Socks5::check_connect() {
  base::Reader reader(reply_);
  if (reader.u8() != kVersion) return base::fail(broken("another version"));
  const uint8_t reply = reader.u8();
  if (reply != 0) {
    const std::string_view words = words_for(reply);
    return base::fail(backends::Fault{
        backends::Failure::Connect,
        "could not reach the resolver: " +
            (words.empty() ? "reply " + std::to_string(reply) : std::string(words))});
  }
  if (reader.u8() != 0) return base::fail(broken("a reserved octet is used"));
  return expect_address();
}

/// Where the proxy connects from says nothing to us, but has to be read.
backends::Step Socks5::expect_address() {
  constexpr size_t kPort = 2;
  base::Reader reader(reply_);
  reader.skip(3);
  switch (reader.u8()) {
    case kV4:
      expect(Phase::ConnectAddress, 4 + 4 + kPort);
      return backends::Progress::Wait;
    case kV6:
      expect(Phase::ConnectAddress, 4 + 16 + kPort);
      return backends::Progress::Wait;
    case kName:
      if (received_ == 4) {
        expect(Phase::Connect, 5);  // Its length, and then again to here.
      } else {
        expect(Phase::ConnectAddress, 5 + reader.u8() + kPort);
      }
      return backends::Progress::Wait;
    default:
      return base::fail(broken("an unknown kind of address"));
  }
}

std::string_view Socks5::awaited() const {
  switch (phase_) {
    case Phase::Method:
      return "says nothing";
    case Phase::Login:
      return "does not answer the login";
    case Phase::Connect:
    case Phase::ConnectAddress:
      break;
  }
  return "does not reach the resolver in time";
}

std::string random_login() {
  std::array<unsigned char, 16> octets{};
  if (RAND_bytes(octets.data(), octets.size()) != 1)
    throw std::runtime_error("no randomness for a proxy's login");
  std::string login;
  for (const unsigned char octet : octets) {
    login += "0123456789abcdef"[octet >> 4];
    login += "0123456789abcdef"[octet & 15];
  }
  return login;
}

}  // namespace transport
