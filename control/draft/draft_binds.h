// Where dnsdist answers and tells about itself, and which clients may ask it, in Lua or in YAML, as
// parts of the draft.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "control/draft/parameters.h"

namespace control {

/// The address `text` for clients that speak `bind.protocol`, with what `options` says about it and
/// the certificates and paths of `bind`. What cannot be had is told. Dropped if it is there
/// already: dnsdist's way of having more threads.
void add_bind(const std::string& what, const std::string& text, DraftBind bind,
              Parameters& options);

[[nodiscard]] uint16_t usual_port(DraftBind::Protocol protocol);

/// Blocks of addresses, or single ones; what is behind the length is cut off, as dnsdist does.
[[nodiscard]] std::optional<base::Prefix> block_of(const std::string& text);

void set_acl(Draft& draft, unsigned line, const std::string& what,
             std::span<const std::string> blocks);
/// To dnsdist's own, if there was no other.
void add_acl(Draft& draft, unsigned line, const std::string& what,
             std::span<const std::string> blocks);
void remove_acl(Draft& draft, unsigned line, const std::string& what,
                std::span<const std::string> blocks);

/// dnsdist's web server at `address`: kept closed, since dnsdist keeps it so unless it is told
/// otherwise, and dotline has no access list there.
void set_webserver(Draft& draft, unsigned line, const std::string& what,
                   const std::string& address);
/// It had a password, a key or an access list.
void tell_webserver_is_guarded(Draft& draft, unsigned line, const std::string& what);

}  // namespace control
