#include "control/lua/lua_sandbox.h"

#include <charconv>
#include <cstdlib>
#include <string_view>

#include "control/lua/lua_library.h"

namespace control {
namespace {

constexpr int kStepsBetweenLooks = 1000;
constexpr uint64_t kOctetsPerStep = 16;  // What a new block costs, and so what is copied into it.
// Lua puts the name before each message: "dnsdist.conf:12: what". Any name does; it is taken off
// again.
constexpr const char* kChunk = "=file";
constexpr std::string_view kChunkPrefix = "file:";

/// A message handler: Lua leaves the line out where a function of ours, or error(text, 0), failed.
int with_line(lua_State* state) {
  if (lua_type(state, 1) != LUA_TSTRING) {
    lua_pushfstring(state, "an error that is a %s", luaL_typename(state, 1));
    lua_replace(state, 1);
  }
  const unsigned line = line_of(state);
  if (line == 0 || std::string_view(lua_tostring(state, 1)).starts_with(kChunkPrefix)) {
    lua_settop(state, 1);
  } else {
    lua_pushfstring(state, "file:%d: %s", static_cast<int>(line), lua_tostring(state, 1));
  }
  return 1;
}

/// "file:12: what" taken apart.
LuaFault taken_apart(std::string_view message) {
  LuaFault fault;
  if (message.starts_with(kChunkPrefix)) {
    const std::string_view rest = message.substr(kChunkPrefix.size());
    const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), fault.line);
    const size_t digits = static_cast<size_t>(end - rest.data());
    if (error == std::errc() && rest.substr(digits).starts_with(": ")) {
      fault.text = rest.substr(digits + 2);
      return fault;
    }
    fault.line = 0;
  }
  fault.text = message;
  return fault;
}

}  // namespace

LuaSandbox::~LuaSandbox() {
  // Closing runs nothing of the file's: there are no finalizers (lua_library.cc).
  if (state_ != nullptr) lua_close(state_);
}

/// Lua's own contract: new_size 0 frees; a nullptr is an error of Lua's, which ends what runs.
void* LuaSandbox::allocate(void* self, void* block, size_t old_size, size_t new_size) {
  auto& sandbox = *static_cast<LuaSandbox*>(self);
  const size_t held = block == nullptr ? 0 : old_size;  // Else old_size tells the kind of object.
  if (new_size == 0) {
    std::free(block);
    sandbox.used_octets_ -= held;
    return nullptr;
  }
  if (new_size > held) {
    const uint64_t price = (new_size - held) / kOctetsPerStep;
    sandbox.memory_is_out_ = sandbox.used_octets_ - held + new_size > sandbox.limits_.memory_octets;
    if (sandbox.memory_is_out_) return nullptr;
    if (price > sandbox.steps_left_) {
      sandbox.steps_left_ = 0;
      return nullptr;
    }
    sandbox.steps_left_ -= price;
  }
  void* moved = std::realloc(block, new_size);
  if (moved != nullptr) sandbox.used_octets_ += new_size - held;
  return moved;
}

LuaSandbox& LuaSandbox::of(lua_State* state) {
  return **static_cast<LuaSandbox**>(lua_getextraspace(state));
}

void LuaSandbox::count(lua_State* state, lua_Debug* /*where*/) {
  of(state).charge(state, kStepsBetweenLooks);
}

void LuaSandbox::charge(lua_State* state, uint64_t steps) {
  if (steps <= steps_left_) {
    steps_left_ -= steps;
    return;
  }
  if (steps_left_ != 0 || last_line_ == 0) last_line_ = line_of(state);
  steps_left_ = 0;
  // From now on each single instruction ends here, also those after a pcall that caught this.
  lua_sethook(state, count, LUA_MASKCOUNT, 1);
  luaL_error(state, "it takes too long");
}

int LuaSandbox::run_protected(lua_State* state) {
  LuaSandbox& sandbox = of(state);
  make_safe_globals(state);
  lua_pushglobaltable(state);
  (*sandbox.add_globals_)(state);
  lua_settop(state, 0);
  lua_pushcfunction(state, with_line);
  const std::string& text = *sandbox.text_;
  // "t": text only. Bytecode is not checked by Lua and can do anything.
  if (luaL_loadbufferx(state, text.data(), text.size(), kChunk, "t") != LUA_OK)
    return lua_error(state);
  lua_sethook(state, count, LUA_MASKCOUNT, kStepsBetweenLooks);
  if (lua_pcall(state, 0, 0, 1) != LUA_OK) return lua_error(state);
  return 0;
}

LuaFault LuaSandbox::fault_of(int status) {
  if (steps_left_ == 0)
    return {last_line_, "it takes too long: there may be a loop without an end"};
  if (status == LUA_ERRMEM || memory_is_out_)
    return {0, "it takes more memory than " + std::to_string(limits_.memory_octets >> 10) + " kB"};
  const char* message = lua_tostring(state_, -1);
  return taken_apart(message == nullptr ? "an error without a message" : message);
}

int LuaSandbox::load_protected(lua_State* state) {
  const std::string& text = *of(state).text_;
  if (luaL_loadbufferx(state, text.data(), text.size(), kChunk, "t") != LUA_OK)
    return lua_error(state);
  return 0;
}

std::optional<LuaFault> LuaSandbox::begin(const std::string& text, lua_CFunction function) {
  state_ = lua_newstate(allocate, this);
  if (state_ == nullptr) return fault_of(LUA_ERRMEM);
  *static_cast<LuaSandbox**>(lua_getextraspace(state_)) = this;
  text_ = &text;
  // Even making a string can be an error, so everything happens inside of a protected call.
  lua_pushcfunction(state_, function);
  const int status = lua_pcall(state_, 0, 0, 0);
  if (status == LUA_OK) return std::nullopt;
  return fault_of(status);
}

std::optional<LuaFault> LuaSandbox::run(const std::string& text,
                                        const std::function<void(lua_State*)>& add_globals) {
  add_globals_ = &add_globals;
  return begin(text, run_protected);
}

std::optional<LuaFault> LuaSandbox::fault_in(const std::string& text, Limits limits) {
  LuaSandbox sandbox(limits);
  return sandbox.begin(text, load_protected);
}

unsigned line_of(lua_State* state) {
  lua_Debug frame{};
  for (int level = 0; lua_getstack(state, level, &frame) != 0; ++level) {
    if (lua_getinfo(state, "l", &frame) != 0 && frame.currentline > 0)
      return static_cast<unsigned>(frame.currentline);
  }
  return 0;
}

}  // namespace control
