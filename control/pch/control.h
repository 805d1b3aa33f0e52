// What nearly every file of control includes, compiled once. Names only what does not change with
// dotline; every file still includes for itself what it uses.
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <openssl/ssl.h>
#include <rte_ethdev.h>
#include <rte_rcu_qsbr.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>
