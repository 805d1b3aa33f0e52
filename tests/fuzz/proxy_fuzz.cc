// What a SOCKS5 proxy says before TLS begins. The first octet chooses where to and how the rest is
// cut into pieces.
#include <algorithm>

#include "tests/fuzz/invariant.h"
#include "tls-workers/transport/socks5.h"

namespace {

using fuzz::require;

backends::BackendSettings backend(bool by_name) {
  backends::BackendSettings settings;
  settings.address = *base::Endpoint::parse("192.0.2.1:853", 853);
  if (by_name) settings.host = "dns.example";
  settings.socks5 = {*base::Endpoint::parse("127.0.0.1:1080", 1080), "user", "password"};
  return settings;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 1) return 0;
  const backends::BackendSettings settings = backend((data[0] & 1) != 0);
  const size_t piece = 1 + data[0] / 2;
  const fuzz::Input input(data + 1, size - 1);
  base::ByteView rest = input.bytes();
  transport::Socks5 proxy(settings);
  size_t taken = 0;
  while (!rest.empty()) {
    require(proxy.unsent().size() <= 3 + 2 * 255, "no message of ours is longer than a login");
    proxy.sent(proxy.unsent().size());
    require(proxy.wanted() >= 1 && proxy.wanted() <= transport::Socks5::kMaxReply,
            "there is always something to read, and room for it");
    require(!proxy.awaited().empty(), "there are words for what is awaited");
    const base::ByteView part = rest.first(std::min({piece, rest.size(), proxy.wanted()}));
    rest = rest.subspan(part.size());
    taken += part.size();
    require(taken <= 2 + 2 + transport::Socks5::kMaxReply, "three replies end it");
    const backends::Step step = proxy.take(part);
    if (!step) {
      require(step.error().kind == backends::Failure::Connect, "a proxy only fails to connect");
      return 0;
    }
    if (*step == backends::Progress::Done) return 0;
  }
  return 0;
}
