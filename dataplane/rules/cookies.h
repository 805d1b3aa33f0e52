// DNS cookies: a client that sends back what we have told it has shown that its address is its own.
// RFC 7873, with the server cookie of RFC 9018, so that every server with the same secret, whether
// BIND, Knot or Unbound, takes the cookies of every other. Nothing is remembered of a client.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "dataplane/base/address.h"
#include "dataplane/base/bytes.h"
#include "dataplane/base/clock.h"
#include "dataplane/dns/query.h"

namespace rules {

using CookieSecret = std::array<std::byte, 16>;

inline constexpr size_t kClientCookie = 8;
inline constexpr size_t kCookieSize = 24;  // The client's 8 octets and our 16.

/// What is known of the sender of a query. `Proven`: it has received our cookie and sends it back.
enum class Sender : uint8_t { Unknown, HasCookies, Proven };

/// What cookies have to say about a query: nothing, that it may pass, or that a good one is
/// demanded and it has none.
enum class CookieRule : uint8_t { NotSpoken, Pass, Missing };

/// The cookie of a reply; `none` if it has none.
struct ReplyCookie {
  bool none = true;
  std::array<std::byte, kCookieSize> octets;

  [[nodiscard]] base::ByteView bytes() const {
    return none ? base::ByteView{} : base::ByteView(octets);
  }
};

class Cookies {
 public:
  /// Whether a client that shows that it knows cookies must show a good one. RFC 7873 §5.2.3.
  enum class Demand : uint8_t { No, Yes };

  Cookies() = default;  // Off.
  /// The first of `secrets` makes cookies, all of them are accepted: so a secret can be replaced
  /// without a client noticing (RFC 9018 §5).
  Cookies(std::span<const CookieSecret> secrets, Demand demand)
      : secrets_(secrets.begin(), secrets.end()), demand_(demand) {}

  [[nodiscard]] bool on() const { return !secrets_.empty(); }

  struct Judged {
    Sender sender = Sender::Unknown;
    CookieRule rule = CookieRule::NotSpoken;
    ReplyCookie reply;
  };
  /// `cookie`: the value of a query's option, 8 or 16-40 octets, or empty; `now`: seconds since
  /// 1970 (base::wall_seconds). The reply's cookie is the query's own while it is good and young,
  /// and a new one otherwise. Off: nothing is known and nothing is said.
  [[nodiscard]] Judged judge(base::ByteView cookie, const base::IpAddress& client,
                             uint32_t now) const noexcept {
    if (!on() || cookie.size() < kClientCookie) return {.rule = rule_for(Sender::Unknown)};
    return answer(cookie, client, now);
  }
  /// The same for a query as it was read, at this moment; the clock is looked at only if there is a
  /// cookie to be judged by it.
  [[nodiscard]] Judged judge(const dns::Result<dns::Query, dns::Malformed>& query,
                             const base::IpAddress& client) const noexcept {
    const base::ByteView cookie = query ? query->cookie : query.error().cookie;
    return judge(cookie, client, cookie.empty() ? 0 : base::wall_seconds());
  }

 private:
  [[nodiscard]] CookieRule rule_for(Sender sender) const {
    if (!on()) return CookieRule::NotSpoken;
    const bool missing = demand_ == Demand::Yes && sender == Sender::HasCookies;
    return missing ? CookieRule::Missing : CookieRule::Pass;
  }
  [[nodiscard]] Judged answer(base::ByteView cookie, const base::IpAddress& client,
                              uint32_t now) const noexcept;
  [[nodiscard]] bool good(base::ByteView cookie, const base::IpAddress& client,
                          uint32_t age) const noexcept;

  std::vector<CookieSecret> secrets_;
  Demand demand_ = Demand::No;
};

}  // namespace rules
