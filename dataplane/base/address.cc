#include "dataplane/base/address.h"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>

namespace base {
namespace {

template <typename Number>
std::optional<Number> parse_number(std::string_view text) {
  Number number{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

}  // namespace

std::optional<IpAddress> IpAddress::parse(std::string_view text) {
  const std::string terminated(text);
  std::array<std::byte, 16> octets;
  if (inet_pton(AF_INET, terminated.c_str(), octets.data()) == 1) return v4(octets.data());
  if (inet_pton(AF_INET6, terminated.c_str(), octets.data()) == 1) return v6(octets.data());
  return std::nullopt;
}

std::string IpAddress::text() const {
  char buffer[INET6_ADDRSTRLEN];
  inet_ntop(is_v4() ? AF_INET : AF_INET6, octets().data(), buffer, sizeof buffer);
  return buffer;
}

std::optional<Endpoint> Endpoint::parse(std::string_view text, uint16_t default_port) {
  std::string_view host = text;
  std::string_view port;
  if (text.starts_with('[')) {
    const size_t close = text.find(']');
    if (close == std::string_view::npos) return std::nullopt;
    host = text.substr(1, close - 1);
    const std::string_view rest = text.substr(close + 1);
    if (!rest.empty() && (rest.front() != ':' || rest.size() == 1)) return std::nullopt;
    if (!rest.empty()) port = rest.substr(1);
  } else if (std::count(text.begin(), text.end(), ':') == 1) {
    const size_t colon = text.find(':');
    host = text.substr(0, colon);
    port = text.substr(colon + 1);
    if (port.empty()) return std::nullopt;
  }
  const std::optional<IpAddress> address = IpAddress::parse(host);
  if (!address) return std::nullopt;
  if (port.empty()) return Endpoint{*address, default_port};
  const std::optional<uint16_t> number = parse_number<uint16_t>(port);
  if (!number || *number == 0) return std::nullopt;
  return Endpoint{*address, *number};
}

std::string Endpoint::text() const {
  const std::string host = address.is_v4() ? address.text() : '[' + address.text() + ']';
  return host + ":" + std::to_string(port);
}

std::optional<Prefix> Prefix::parse(std::string_view text) {
  const size_t slash = text.find('/');
  const std::optional<IpAddress> address = IpAddress::parse(text.substr(0, slash));
  if (!address) return std::nullopt;
  const uint8_t bits = address->is_v4() ? 32 : 128;
  Prefix prefix{*address, bits};
  if (slash != std::string_view::npos) {
    const std::optional<uint8_t> length = parse_number<uint8_t>(text.substr(slash + 1));
    if (!length || *length > bits) return std::nullopt;
    prefix.length = *length;
  }
  const ByteView octets = prefix.network.octets();
  for (unsigned bit = prefix.length; bit < bits; ++bit) {
    if ((static_cast<uint8_t>(octets[bit / 8]) >> (7 - bit % 8) & 1) != 0) return std::nullopt;
  }
  return prefix;
}

std::string Prefix::text() const { return network.text() + "/" + std::to_string(length); }

IpAddress Prefix::last() const {
  std::array<std::byte, 16> octets = network.mapped();
  const unsigned start = network.is_v4() ? 96u + length : length;
  for (unsigned bit = start; bit < 128; ++bit) octets[bit / 8] |= std::byte{1} << (7 - bit % 8);
  return IpAddress::v6(octets.data());
}

}  // namespace base
