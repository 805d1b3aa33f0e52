// Where dnsdist answers, whom, and where it tells about itself.
#include <algorithm>

#include "control/config/values.h"
#include "control/import/dnsdist_functions.h"
#include "control/import/lua_sandbox.h"
#include "control/import/lua_values.h"
#include "control/import/stand_in.h"

namespace control {
namespace {

constexpr uint16_t kDnsPort = 53;
constexpr uint16_t kDotPort = 853;
constexpr uint16_t kHttpsPort = 443;
constexpr uint16_t kWebserverPort = 8083;
constexpr size_t kMostBinds = 64;
constexpr size_t kMostBlocks = 10'000;
constexpr const char* kUsualBlocks[] = {"127.0.0.0/8",    "10.0.0.0/8",     "100.64.0.0/10",
                                        "169.254.0.0/16", "192.168.0.0/16", "172.16.0.0/12",
                                        "::1/128",        "fc00::/7",       "fe80::/10"};

constexpr auto kToDo = Remark::Kind::ToDo;
constexpr auto kNote = Remark::Kind::Note;

/// The bind for the address that `function` was given, unless dotline cannot answer there or does
/// already. Good until the next one is added.
DraftBind* add_bind(lua_State* state, const char* function, uint16_t port) {
  Draft& draft = draft_of(state);
  const std::string text = text_at(state, 1);
  const auto address = base::Endpoint::parse(text, port);
  if (!address) {
    remark(state, kToDo, function + (" " + text), "it is not an address");
    return nullptr;
  }
  if (is_wildcard(address->address)) {
    remark(state, kToDo, function + (" " + text),
           "dotline answers at addresses that are named; write each of this machine's that "
           "clients ask into `binds`");
    return nullptr;
  }
  if (is_loopback(address->address)) {
    remark(state, kToDo, function + (" " + text),
           "no packet for it comes over a network, and dotline takes them from there only; write "
           "the address that clients ask into `binds`");
  }
  const auto same = [&](const DraftBind& bind) { return bind.address == *address; };
  if (std::ranges::any_of(draft.binds, same)) return nullptr;
  if (draft.binds.size() >= kMostBinds)
    luaL_error(state, "there are more than %d addresses", static_cast<int>(kMostBinds));
  return &draft.binds.emplace_back(DraftBind{.line = line_of(state), .address = *address});
}

int add_local(lua_State* state) {
  (void)add_bind(state, "addLocal", kDnsPort);
  return 0;
}

/// Those that speak TLS stay, as they do in dnsdist.
int set_local(lua_State* state) {
  std::erase_if(draft_of(state).binds,
                [](const DraftBind& bind) { return bind.protocol == DraftBind::Protocol::Do53; });
  (void)add_bind(state, "setLocal", kDnsPort);
  return 0;
}

/// The files that `function` was given: one certificate and its key, or as many of both.
std::vector<DraftBind::Certificate> certificates_at(lua_State* state, const char* function) {
  constexpr int kCertificates = 2;
  constexpr int kKeys = 3;
  if (lua_isnoneornil(state, kCertificates) || lua_isnoneornil(state, kKeys) ||
      !name_of_stand_in(state, kCertificates).empty()) {
    remark(state, kToDo, function,
           "it needs files with a certificate and its key; dotline takes no HTTP in the clear and "
           "no PKCS #12. Write them into `binds[].tls.certificates`");
    return {};
  }
  const std::vector<std::string> files = texts_at(state, kCertificates);
  const std::vector<std::string> keys = texts_at(state, kKeys);
  if (files.size() != keys.size())
    luaL_error(state, "%s: as many keys as certificates expected", function);
  std::vector<DraftBind::Certificate> certificates;
  for (size_t i = 0; i < files.size(); ++i) certificates.push_back({files[i], keys[i]});
  return certificates;
}

/// Most of them tune dnsdist's threads and buffers, and say nothing to dotline.
void tell_options(lua_State* state, const char* function, int index) {
  constexpr const char* kTelling[] = {
      "ciphers",       "ciphersTLS13", "customResponseHeaders",  "minTLSVersion",
      "ocspResponses", "responsesMap", "trustForwardedForHeader"};
  if (!lua_istable(state, index)) return;
  LuaParameters given(state, index);
  for (const char* option : kTelling) {
    if (given.wanted(option))
      remark(state, kToDo, std::string(function) + '.' + option, "it is not carried over");
  }
}

int add_tls_local(lua_State* state) {
  constexpr const char* kFunction = "addTLSLocal";
  DraftBind* bind = add_bind(state, kFunction, kDotPort);
  if (bind == nullptr) return 0;
  bind->protocol = DraftBind::Protocol::DoT;
  bind->certificates = certificates_at(state, kFunction);
  tell_options(state, kFunction, 4);
  return 0;
}

int add_doh_local(lua_State* state) {
  constexpr const char* kFunction = "addDOHLocal";
  constexpr int kPaths = 4;
  DraftBind* bind = add_bind(state, kFunction, kHttpsPort);
  if (bind == nullptr) return 0;
  bind->protocol = DraftBind::Protocol::DoH;
  bind->certificates = certificates_at(state, kFunction);
  if (!lua_isnoneornil(state, kPaths)) bind->paths = texts_at(state, kPaths);
  tell_options(state, kFunction, kPaths + 1);
  return 0;
}

/// What is behind the length is cut off, as dnsdist does.
std::optional<base::Prefix> block_of(const std::string& text) {
  if (const auto exact = base::Prefix::parse(text)) return exact;
  const size_t slash = text.find('/');
  if (slash == std::string::npos) return std::nullopt;
  const auto address = base::IpAddress::parse(text.substr(0, slash));
  // Of the blocks of that length, the one that holds the address ends in its last octets' zeroes.
  const auto any =
      base::Prefix::parse((address && address->is_v4() ? "0.0.0.0" : "::") + text.substr(slash));
  if (!address || !any) return std::nullopt;
  std::array<std::byte, 16> octets = address->mapped();
  const unsigned kept = any->length + (address->is_v4() ? 96U : 0U);
  for (unsigned bit = kept; bit < 128; ++bit)
    octets[bit / 8] &= ~std::byte{static_cast<unsigned char>(0x80U >> (bit % 8))};
  const base::IpAddress network =
      address->is_v4() ? base::IpAddress::v4(&octets[12]) : base::IpAddress::v6(octets.data());
  return base::Prefix{network, any->length};
}

void add_blocks(lua_State* state, std::vector<base::Prefix>& acl, const char* function) {
  for (const std::string& text : texts_at(state, 1)) {
    const auto block = block_of(text);
    if (!block) {
      remark(state, kToDo, function + (" " + text), "it is not a block of addresses");
      continue;
    }
    const auto same = [&](const base::Prefix& other) {
      return other.network == block->network && other.length == block->length;
    };
    if (std::ranges::none_of(acl, same)) acl.push_back(*block);
    if (acl.size() > kMostBlocks)
      luaL_error(state, "there are more than %d blocks", static_cast<int>(kMostBlocks));
  }
}

int set_acl(lua_State* state) {
  std::vector<base::Prefix> acl;
  add_blocks(state, acl, "setACL");
  draft_of(state).acl = std::move(acl);
  return 0;
}

int add_acl(lua_State* state) {
  std::optional<std::vector<base::Prefix>>& acl = draft_of(state).acl;
  if (!acl) {
    acl.emplace();
    for (const char* usual : kUsualBlocks) acl->push_back(*base::Prefix::parse(usual));
  }
  add_blocks(state, *acl, "addACL");
  return 0;
}

int webserver(lua_State* state) {
  const std::string text = text_at(state, 1);
  const auto address = base::Endpoint::parse(text, kWebserverPort);
  if (!address || !address->address.is_v4()) {
    remark(state, kToDo, "webserver " + text,
           "metrics are served at an IPv4 address; write one into `metrics.address`");
    return 0;
  }
  draft_of(state).metrics = address->text();
  if (lua_gettop(state) > 1) {
    remark(state, kToDo, "webserver",
           "the metrics have no password and no access list; keep `metrics.address` on loopback");
  }
  return 0;
}

int set_verbose(lua_State* state) {
  draft_of(state).verbose = lua_toboolean(state, 1) != 0;
  return 0;
}

}  // namespace

void add_listening_functions(lua_State* state) {
  add_function(state, "addLocal", add_local);
  add_function(state, "setLocal", set_local);
  add_function(state, "addTLSLocal", add_tls_local);
  add_function(state, "addDOHLocal", add_doh_local);
  add_function(state, "setACL", set_acl);
  add_function(state, "addACL", add_acl);
  add_function(state, "webserver", webserver);
  add_function(state, "setVerbose", set_verbose);
}

}  // namespace control
