// Where dnsdist answers, which clients, and where it tells about itself.
#include <algorithm>

#include "control/draft/draft_binds.h"
#include "control/import/dnsdist_functions.h"
#include "control/lua/lua_sandbox.h"
#include "control/lua/lua_values.h"
#include "control/lua/stand_in.h"

namespace control {
namespace {

constexpr auto kToDo = Remark::Kind::ToDo;

void add_plain(lua_State* state, const char* function) {
  LuaParameters options(state, 2, function);
  // Before there was a table: whether it does TCP.
  if (lua_isboolean(state, 2) && lua_toboolean(state, 2) == 0)
    remark(state, kToDo, function, why_no_option_of_bind("doTCP").why);
  add_bind(function, text_at(state, 1), {}, options);
}

int add_local(lua_State* state) {
  add_plain(state, "addLocal");
  return 0;
}

/// Those that speak TLS stay, as they do in dnsdist.
int set_local(lua_State* state) {
  std::erase_if(draft_of(state).binds,
                [](const DraftBind& bind) { return bind.protocol == DraftBind::Protocol::Do53; });
  add_plain(state, "setLocal");
  return 0;
}

/// The files that `function` was given: one certificate and its key, or as many of both.
std::vector<DraftBind::Certificate> certificates_at(lua_State* state, const char* function) {
  constexpr int kCertificates = 2;
  constexpr int kKeys = 3;
  const auto is_missing = [&](int index) {
    return lua_isnoneornil(state, index) || !name_of_stand_in(state, index).empty();
  };
  const auto refuse = [&](const char* why) -> std::vector<DraftBind::Certificate> {
    remark(state, kToDo, function, why);
    return {};
  };
  if (is_missing(kCertificates) || is_missing(kKeys)) {
    return refuse(
        "it needs files with a certificate and its key; dotline takes no HTTP in the clear and no "
        "PKCS #12. Write them into `binds[].tls.certificates`");
  }
  const std::vector<std::string> files = texts_at(state, kCertificates);
  const std::vector<std::string> keys = texts_at(state, kKeys);
  if (files.size() != keys.size() || files.empty()) {
    return refuse(
        "there are not as many keys as certificates; write both into `binds[].tls.certificates`");
  }
  std::vector<DraftBind::Certificate> certificates;
  for (size_t i = 0; i < files.size(); ++i) certificates.push_back({files[i], keys[i]});
  return certificates;
}

int add_tls_local(lua_State* state) {
  constexpr const char* kFunction = "addTLSLocal";
  DraftBind bind;
  bind.protocol = DraftBind::Protocol::DoT;
  bind.certificates = certificates_at(state, kFunction);
  LuaParameters options(state, 4, kFunction);
  add_bind(kFunction, text_at(state, 1), std::move(bind), options);
  return 0;
}

int add_doh_local(lua_State* state) {
  constexpr const char* kFunction = "addDOHLocal";
  constexpr int kPaths = 4;
  DraftBind bind;
  bind.protocol = DraftBind::Protocol::DoH;
  bind.certificates = certificates_at(state, kFunction);
  if (!lua_isnoneornil(state, kPaths)) bind.paths = texts_at(state, kPaths);
  LuaParameters options(state, kPaths + 1, kFunction);
  add_bind(kFunction, text_at(state, 1), std::move(bind), options);
  return 0;
}

int set_acl(lua_State* state) {
  set_acl(draft_of(state), line_of(state), "setACL", texts_at(state, 1));
  return 0;
}

int add_acl(lua_State* state) {
  add_acl(draft_of(state), line_of(state), "addACL", texts_at(state, 1));
  return 0;
}

int remove_acl(lua_State* state) {
  remove_acl(draft_of(state), line_of(state), "rmACL", texts_at(state, 1));
  return 0;
}

int webserver(lua_State* state) {
  constexpr const char* kFunction = "webserver";
  set_webserver(draft_of(state), line_of(state), kFunction, text_at(state, 1));
  if (lua_gettop(state) > 1) tell_webserver_is_guarded(draft_of(state), line_of(state), kFunction);
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
  add_function(state, "rmACL", remove_acl);
  add_function(state, "webserver", webserver);
}

}  // namespace control
