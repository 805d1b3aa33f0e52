// What nearly every file of tls-workers includes, compiled once. Names only what does not change
// with dotline; every file still includes for itself what it uses.
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <rte_rcu_qsbr.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>
