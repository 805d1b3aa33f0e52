// The control socket over real sockets, with time turned by hand: what it answers, who may reach
// it, and what it does not let anybody do to it.
#include "control/commands/control_socket.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <deque>
#include <filesystem>
#include <fstream>

#include "control/config/control_socket_path.h"
#include "tests/temporary_folder.h"

namespace control {
namespace {

using base::milliseconds;
using base::seconds;
using testing::AllOf;
using testing::HasSubstr;

std::string echo(std::string_view line) { return "<" + std::string(line) + ">"; }

class Client {
 public:
  explicit Client(const std::string& path) : descriptor_(socket(AF_UNIX, SOCK_STREAM, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    connected_ = connect(descriptor_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
  }
  ~Client() { close(descriptor_); }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  [[nodiscard]] bool connected() const { return connected_; }
  /// How much of it was taken without waiting.
  size_t send(const std::string& text) const {
    const ssize_t sent = ::send(descriptor_, text.data(), text.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    return sent < 0 ? 0 : static_cast<size_t>(sent);
  }
  void send_no_more() const { shutdown(descriptor_, SHUT_WR); }
  /// What is there by now; "(closed)" at its end if nothing more can come.
  [[nodiscard]] std::string read() const {
    std::string text;
    char buffer[4096];
    for (;;) {
      const ssize_t got = recv(descriptor_, buffer, sizeof buffer, MSG_DONTWAIT);
      if (got == 0 || (got < 0 && errno == ECONNRESET)) return text + "(closed)";
      if (got < 0) return text;
      text.append(buffer, static_cast<size_t>(got));
    }
  }

 private:
  int descriptor_;
  bool connected_ = false;
};

class ControlSocketTest : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = tests::make_temporary_folder("dotline-control");
    path_ = (folder_ / "run" / "dotline.sock").string();
  }
  void TearDown() override {
    socket_.reset();
    std::filesystem::remove_all(folder_);
  }

  void open(ControlSocket::Answer answer = echo) {
    auto opened = ControlSocket::open(path_, std::move(answer));
    ASSERT_TRUE(opened) << opened.error();
    socket_ = std::move(*opened);
  }
  [[nodiscard]] std::string refused(const std::string& path) const {
    const auto opened = ControlSocket::open(path, echo);
    return opened ? "(opened)" : opened.error();
  }
  [[nodiscard]] bool readable() const {
    pollfd waited{socket_->descriptor(), POLLIN, 0};
    return ::poll(&waited, 1, 0) == 1;
  }
  /// Serves as the control thread would, until there is nothing to do. Gives up after more turns
  /// than anything here takes.
  void serve() {
    int turns = 0;
    while ((readable() || socket_->next_deadline() <= now_) && turns < 10'000) {
      socket_->serve(now_);
      ++turns;
    }
    EXPECT_LT(turns, 10'000) << "it turns and turns";
  }
  void pass(base::Duration time) {
    now_ += time;
    serve();
  }
  [[nodiscard]] mode_t mode_of(const std::string& path) const {
    struct stat found {};
    EXPECT_EQ(lstat(path.c_str(), &found), 0);
    return found.st_mode & 07777;
  }

  std::filesystem::path folder_;
  std::string path_;
  std::unique_ptr<ControlSocket> socket_;
  base::Time now_{seconds(1000)};
};

TEST_F(ControlSocketTest, AnswersEachLine) {
  open();
  const Client client(path_);
  client.send("one\ntwo\n\nthree\n");
  serve();
  EXPECT_EQ(client.read(), "<one>\n<two>\n<>\n<three>\n");
  client.send("four\n");
  serve();
  EXPECT_EQ(client.read(), "<four>\n");
}

TEST_F(ControlSocketTest, AnswersLinesThatComeInPieces) {
  open();
  const Client client(path_);
  for (const char octet : std::string("hello")) {
    client.send(std::string(1, octet));
    serve();
    EXPECT_EQ(client.read(), "");
  }
  client.send("\n");
  serve();
  EXPECT_EQ(client.read(), "<hello>\n");
}

TEST_F(ControlSocketTest, AnswersSeveralAtOnce) {
  open();
  const Client one(path_);
  const Client two(path_);
  one.send("half");
  two.send("whole\n");
  serve();
  EXPECT_EQ(two.read(), "<whole>\n");
  EXPECT_EQ(one.read(), "");
}

TEST_F(ControlSocketTest, AnswersWhoSendsNoMore) {
  open();
  const Client client(path_);
  client.send("one\ntwo\nhalf");
  client.send_no_more();
  serve();
  EXPECT_EQ(client.read(), "<one>\n<two>\n(closed)");
}

TEST_F(ControlSocketTest, RestsWhenThereIsNothingToDo) {
  open();
  const Client client(path_);
  serve();
  EXPECT_FALSE(readable());
  EXPECT_GT(socket_->next_deadline(), now_ + seconds(1));
}

TEST_F(ControlSocketTest, IsForItsOwnerAlone) {
  const mode_t before = umask(0);
  open();
  umask(before);
  EXPECT_EQ(mode_of(path_), 0600u);
  EXPECT_EQ(mode_of(std::filesystem::path(path_).parent_path()), 0755u);
  EXPECT_EQ(umask(before), before) << "the process's umask is as it was";
}

TEST_F(ControlSocketTest, GoesWithItsOwner) {
  open();
  socket_.reset();
  EXPECT_FALSE(std::filesystem::exists(path_));
}

TEST_F(ControlSocketTest, LeavesAnothersFileAlone) {
  open();
  std::filesystem::remove(path_);
  std::ofstream(path_) << "mine";
  socket_.reset();
  EXPECT_TRUE(std::filesystem::exists(path_));
}

TEST_F(ControlSocketTest, TakesTheDeadOnesPlace) {
  std::filesystem::create_directories(std::filesystem::path(path_).parent_path());
  {
    const int dead = socket(AF_UNIX, SOCK_STREAM, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path_.copy(address.sun_path, sizeof address.sun_path - 1);
    ASSERT_EQ(bind(dead, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    close(dead);
  }
  open();
  const Client client(path_);
  client.send("x\n");
  serve();
  EXPECT_EQ(client.read(), "<x>\n");
}

TEST_F(ControlSocketTest, LeavesTheLivingOneItsPlace) {
  open();
  EXPECT_THAT(refused(path_), AllOf(HasSubstr("control.socket " + path_ + ": process " +
                                              std::to_string(getpid()) + " listens there"),
                                    HasSubstr("of its own")));
  const Client client(path_);
  client.send("x\n");
  serve();
  EXPECT_EQ(client.read(), "<x>\n");
}

TEST_F(ControlSocketTest, SaysWhereItCannotBe) {
  EXPECT_THAT(refused("dotline.sock"), HasSubstr("control.socket dotline.sock: it is no absolute"));
  const std::string deep = (folder_ / std::string(100, 'd')).string();
  EXPECT_THAT(refused(deep), HasSubstr("a socket's path has 107 at most"));
  std::ofstream(folder_ / "file") << "mine";
  EXPECT_THAT(refused((folder_ / "file").string()), HasSubstr("something else that is no socket"));
  EXPECT_THAT(refused((folder_ / "file" / "dotline.sock").string()),
              AllOf(HasSubstr("control.socket "), HasSubstr("Not a directory")));
}

TEST_F(ControlSocketTest, TakesTheLongestPathThereIs) {
  const std::string folder = folder_.string() + "/";
  path_ = folder + std::string(kMaxControlSocketPath - folder.size(), 's');
  open();
  EXPECT_TRUE(Client(path_).connected());
  EXPECT_THAT(refused(path_ + "s"), HasSubstr("it has 108 octets"));
}

TEST_F(ControlSocketTest, RefusesLongLines) {
  open();
  const Client client(path_);
  client.send(std::string(ControlSocket::kMaxLine, 'a') + "\n");
  serve();
  EXPECT_EQ(client.read().size(), ControlSocket::kMaxLine + 3);
  client.send(std::string(ControlSocket::kMaxLine + 1, 'a') + "\n");
  serve();
  EXPECT_THAT(client.read(), AllOf(HasSubstr(R"("ok":false)"), HasSubstr("65536 octets at most"),
                                   HasSubstr("(closed)")));
}

TEST_F(ControlSocketTest, RefusesLinesWithoutAnEnd) {
  open();
  const Client client(path_);
  const std::string piece(10'000, 'a');
  for (int i = 0; i < 8; ++i) {
    client.send(piece);
    serve();
  }
  EXPECT_THAT(client.read(), AllOf(HasSubstr("65536 octets at most"), HasSubstr("(closed)")));
}

TEST_F(ControlSocketTest, DoesNotWaitForTheRestOfALine) {
  open();
  const Client client(path_);
  client.send("ha");
  serve();
  for (int i = 0; i < 4; ++i) {
    pass(seconds(1));
    client.send("l");
    serve();
    EXPECT_EQ(client.read(), "");
  }
  pass(seconds(1));
  EXPECT_EQ(client.read(), "(closed)") << "five seconds for all of it, however it comes";
}

TEST_F(ControlSocketTest, WaitsForTheNextLine) {
  open();
  const Client client(path_);
  serve();
  pass(ControlSocket::kIdleTime - seconds(1));
  client.send("x\n");
  serve();
  EXPECT_EQ(client.read(), "<x>\n");
  pass(ControlSocket::kIdleTime - seconds(1));
  EXPECT_EQ(client.read(), "");
  pass(seconds(1));
  EXPECT_EQ(client.read(), "(closed)");
}

TEST_F(ControlSocketTest, CutsOffWhoDoesNotRead) {
  open([](std::string_view) { return std::string(4'000'000, 'x'); });
  const Client deaf(path_);
  deaf.send("x\nx\nx\n");
  serve();
  const Client other(path_);
  pass(seconds(4));
  EXPECT_FALSE(readable());
  pass(seconds(1));
  const std::string read = deaf.read();
  EXPECT_LT(read.size(), 4'000'000u);
  EXPECT_THAT(read, HasSubstr("(closed)"));
}

TEST_F(ControlSocketTest, StopsReadingWhoDoesNotRead) {
  open([](std::string_view) { return std::string(100'000, 'x'); });
  const Client client(path_);
  size_t taken = 0;
  for (int i = 0; i < 1000; ++i) {
    taken += client.send(std::string(10'000, '\n'));
    serve();
  }
  EXPECT_LT(taken, 2'000'000u);
}

TEST_F(ControlSocketTest, GivesLongRepliesInPieces) {
  open([](std::string_view) { return std::string(1'000'000, 'x'); });
  const Client client(path_);
  client.send("x\n");
  std::string read;
  for (int i = 0; i < 1000 && read.size() < 1'000'001; ++i) {
    serve();
    read += client.read();
  }
  EXPECT_EQ(read.size(), 1'000'001u);
}

TEST_F(ControlSocketTest, TellsWhoIsTooMany) {
  open();
  std::deque<Client> clients;
  for (size_t i = 0; i < ControlSocket::kMaxConnections; ++i) clients.emplace_back(path_);
  serve();
  {
    const Client one_more(path_);
    serve();
    EXPECT_THAT(one_more.read(),
                AllOf(HasSubstr("too many connections: there are 16"), HasSubstr("(closed)")));
  }
  clients.pop_front();
  serve();
  const Client next(path_);
  next.send("x\n");
  serve();
  EXPECT_EQ(next.read(), "<x>\n");
  clients.back().send("y\n");
  serve();
  EXPECT_EQ(clients.back().read(), "<y>\n");
}

TEST_F(ControlSocketTest, SurvivesWhoHangsUpAnywhere) {
  open([](std::string_view) { return std::string(1'000'000, 'x'); });
  for (const char* text : {"", "half", "line\n", "line\nline\nhalf"}) {
    { Client(path_).send(text); }
    serve();
    {
      const Client client(path_);
      client.send(text);
      serve();
    }
    serve();
  }
  EXPECT_FALSE(readable());
  EXPECT_EQ(socket_->next_deadline(), base::Time::max());
}

TEST_F(ControlSocketTest, RestsWhileTheProcessHasNoDescriptorLeft) {
  open();
  const Client client(path_);
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
  const rlimit none{.rlim_cur = 3, .rlim_max = before.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &none), 0);
  serve();
  EXPECT_FALSE(readable());
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &before), 0);
  client.send("x\n");
  pass(seconds(1));
  EXPECT_EQ(client.read(), "<x>\n");
}

}  // namespace
}  // namespace control
