// One TLS connection of the responder's: all that has come is read, each query in it answered, and
// the answers leave together, in as few records as they fit into.
#pragma once

#include <openssl/ssl.h>

#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <random>
#include <vector>

#include "dataplane/base/bytes.h"

namespace responder {

using Time = std::chrono::steady_clock::time_point;

/// What a resolver may do, beside answering at once.
struct Behaviour {
  std::chrono::milliseconds delay{0};  // Before each batch of answers.
  uint32_t close_every = 0;  // A session is closed after this many answers, on average; 0: never.
  bool shuffle = false;      // Answers of a batch leave in any order.
  bool silent = false;       // Reads, and never answers.
};

struct Statistics {
  uint64_t queries = 0;
  uint64_t answers = 0;
  uint64_t reads = 0;  // Of plaintext, so records that had queries in them.
  uint64_t writes = 0;
  uint64_t handshakes = 0;
  uint64_t resumed = 0;
  uint64_t closed = 0;  // By us.
  uint64_t malformed = 0;
};

class Connection {
 public:
  /// `socket` is connected, non-blocking, and belongs to the connection from now on.
  Connection(int socket, SSL_CTX* context, const Behaviour& behaviour, Statistics& statistics);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  /// The socket is readable, or writable, or an answer's time has come. False: the connection is
  /// over.
  [[nodiscard]] bool advance(Time now);
  [[nodiscard]] int socket() const { return socket_; }
  [[nodiscard]] bool wants_to_write() const { return unsent() > 0; }
  /// When answers that are held back are due.
  [[nodiscard]] std::optional<Time> due() const;

 private:
  struct Batch {
    Time due;
    std::vector<std::byte> answers;
  };

  bool read(Time now);
  void take_queries();
  void answer(base::ByteView query);
  void finish_batch(Time now);
  void shuffle();
  bool send();
  [[nodiscard]] size_t unsent() const { return outgoing_.size() - sent_; }

  const int socket_;
  struct FreeSsl {
    void operator()(SSL* ssl) const { SSL_free(ssl); }
  };
  std::unique_ptr<SSL, FreeSsl> ssl_;
  const Behaviour& behaviour_;
  Statistics& statistics_;
  std::mt19937 random_;

  std::vector<std::byte> incoming_;
  size_t begin_ = 0;  // Of what was not taken, and of what is free.
  size_t end_ = 0;
  std::vector<std::byte> batch_;
  std::vector<size_t> answer_starts_;  // In the batch.
  std::deque<Batch> held_back_;
  std::vector<std::byte> outgoing_;
  size_t sent_ = 0;
  bool closing_ = false;
};

}  // namespace responder
