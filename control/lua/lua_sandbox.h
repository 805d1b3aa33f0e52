// A Lua interpreter for files that other people wrote. It can compute, and call the functions it is
// given; it has no files, no network, no clock, no other code, and only so much memory and time.
//
// Time is counted in steps, so that the same file ends the same way on every machine: one for each
// instruction, and in proportion for what the library does in one go.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <lua.hpp>
#include <optional>
#include <string>

namespace control {

/// Why a file did not run to its end. `line` is 0 where Lua does not know.
struct LuaFault {
  unsigned line = 0;
  std::string text;
};

class LuaSandbox {
 public:
  struct Limits {
    size_t memory_octets = size_t{64} << 20;
    uint64_t steps = 50'000'000;  // About a second.
  };

  explicit LuaSandbox(Limits limits) : limits_(limits), steps_left_(limits.steps) {}
  ~LuaSandbox();
  LuaSandbox(const LuaSandbox&) = delete;
  LuaSandbox& operator=(const LuaSandbox&) = delete;

  /// Runs `text` as source, once; bytecode is refused. `add_globals` may put more into the table of
  /// globals, which is at the top of the stack; Lua errors in it are faults like any other.
  [[nodiscard]] std::optional<LuaFault> run(const std::string& text,
                                            const std::function<void(lua_State*)>& add_globals);

  /// The one that `state` is of.
  [[nodiscard]] static LuaSandbox& of(lua_State* state);
  /// Takes `steps` from what is left. Does not return if there are not enough: a Lua error, and so
  /// is every further instruction.
  void charge(lua_State* state, uint64_t steps);
  /// Time or memory is: nothing may catch the error that says so.
  [[nodiscard]] bool is_out() const { return steps_left_ == 0 || memory_is_out_; }
  [[nodiscard]] uint64_t steps_left() const { return steps_left_; }

  /// Why `text` cannot be read as Lua; nothing if it can. Runs nothing of it.
  [[nodiscard]] static std::optional<LuaFault> fault_in(const std::string& text, Limits limits);

 private:
  static void* allocate(void* self, void* block, size_t old_size, size_t new_size);
  static void count(lua_State* state, lua_Debug* where);
  static int run_protected(lua_State* state);
  static int load_protected(lua_State* state);
  [[nodiscard]] std::optional<LuaFault> begin(const std::string& text, lua_CFunction function);
  [[nodiscard]] LuaFault fault_of(int status);

  const Limits limits_;
  uint64_t steps_left_;
  size_t used_octets_ = 0;
  bool memory_is_out_ = false;
  unsigned last_line_ = 0;  // Where time ran out.
  lua_State* state_ = nullptr;
  const std::string* text_ = nullptr;  // While it runs.
  const std::function<void(lua_State*)>* add_globals_ = nullptr;
};

/// The line of the file that is being executed, 0 if none is. For functions called by Lua.
[[nodiscard]] unsigned line_of(lua_State* state);

}  // namespace control
