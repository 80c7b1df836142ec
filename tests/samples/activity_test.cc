// The line that a terminal shows while something takes long.
#include "samples/horizon/base/activity.h"

#include <gtest/gtest.h>
#include <pty.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <sstream>
#include <string>
#include <thread>

#include "tests/samples/support.h"

namespace horizon {
namespace {

using namespace std::chrono_literals;

// What a terminal of so many columns gets while this is done with its end of it.
std::string OnTerminal(unsigned short columns, const std::function<void(std::FILE*)>& work, const char* kind = "xterm") {
  setenv("TERM", kind, 1);
  int master = -1, slave = -1;
  const winsize size = {24, columns, 0, 0};
  EXPECT_EQ(openpty(&master, &slave, nullptr, nullptr, &size), 0);
  std::string text;
  std::thread reader([&] {
    char piece[256];
    for (ssize_t n; (n = read(master, piece, sizeof(piece))) > 0;) text.append(piece, static_cast<size_t>(n));
  });
  {
    const std::unique_ptr<std::FILE, int (*)(std::FILE*)> out(fdopen(slave, "w"), std::fclose);
    work(out.get());
  }
  reader.join();
  close(master);
  return text;
}

TEST(ActivityTest, WhatIsQuickIsNotShown) {
  EXPECT_EQ(OnTerminal(80, [](std::FILE* out) { const Activity quick("thinking", 0, out); }), "");
}

// A line could not be rewritten there, and control sequences would be shown as what they are.
TEST(ActivityTest, ADumbTerminalGetsNothing) {
  const auto work = [](std::FILE* out) {
    const Activity slow("thinking", 0, out);
    std::this_thread::sleep_for(700ms);
  };
  EXPECT_EQ(OnTerminal(80, work, "dumb"), "");
  EXPECT_NE(OnTerminal(80, work), "");
}

TEST(ActivityTest, WhatIsDoneIsShownAndTakenAway) {
  const std::string text = OnTerminal(80, [](std::FILE* out) {
    Activity work("evaluating, rows", 0, out);
    work.Done(1500, 6000);
    std::this_thread::sleep_for(900ms);
  });
  EXPECT_NE(text.find("\revaluating, rows  1,500/6,000  "), std::string::npos) << text;
  EXPECT_NE(text.find(" s left\x1b[K"), std::string::npos) << text;
  EXPECT_TRUE(text.ends_with("\r\x1b[K")) << text;
}

// Reads a file of 3 MiB so many times.
void ReadLarge(int times, int64_t to_read, std::FILE* out) {
  const Activity work("reading a file", to_read, out);
  for (int i = 0; i < times; ++i) {
    std::ostringstream bytes;
    bytes << std::ifstream(horizon_test::Scratch("large")).rdbuf();
  }
  std::this_thread::sleep_for(900ms);
}

TEST(ActivityTest, WhatIsReadIsShownAndALineIsCutToTheWidth) {
  horizon_test::WriteFile(horizon_test::Scratch("large"), std::string(3 << 20, 'x'));
  const auto read = [](std::FILE* out) { ReadLarge(1, 0, out); };
  const std::string wide = OnTerminal(80, read), narrow = OnTerminal(12, read);
  EXPECT_NE(wide.find("\rreading a file  3.00 MiB read  "), std::string::npos) << wide;
  EXPECT_NE(narrow.find("\rreading a f\xe2\x80\xa6\x1b[K"), std::string::npos) << narrow;
}

TEST(ActivityTest, OfWhatIsReadTheWholeIsTold) {
  horizon_test::WriteFile(horizon_test::Scratch("large"), std::string(3 << 20, 'x'));
  const auto read = [](int times, int64_t to_read) {
    return OnTerminal(80, [=](std::FILE* out) { ReadLarge(times, to_read, out); });
  };
  const std::string part = read(1, 6 << 20);
  EXPECT_NE(part.find("\rreading a file  3.00 MiB of 6.00 MiB read  "), std::string::npos) << part;
  EXPECT_NE(part.find("s left\x1b[K"), std::string::npos) << part;
  // All of it is read: how long the rest takes is not known.
  const std::string whole = read(1, BytesIn(horizon_test::Scratch("large")));
  const size_t all = whole.find("3.00 MiB of 3.00 MiB read  ");  // a busy machine shows lines before that
  ASSERT_NE(all, std::string::npos) << whole;
  EXPECT_EQ(whole.find(" left", all), std::string::npos) << whole;
  // Hashed first, then tokenized.
  const std::string again = read(2, 4 << 20);
  EXPECT_NE(again.find("2.00 MiB of 4.00 MiB read  "), std::string::npos) << again;
}

TEST(ActivityTest, BytesOfAFolderAreThoseOfItsFiles) {
  const std::string folder = horizon_test::Scratch("bytes");
  std::filesystem::create_directories(folder);
  horizon_test::WriteFile(folder + "/a.jsonl", "12345");
  horizon_test::WriteFile(folder + "/b.txt", "123");
  EXPECT_EQ(BytesIn(folder), 8);
  EXPECT_EQ(BytesIn(folder, {".jsonl", ".gz"}), 5);
  EXPECT_EQ(BytesIn(folder + "/b.txt"), 3);
  EXPECT_EQ(BytesIn(folder + "/none"), 0);
}

TEST(ActivityTest, OfTwoTheLaterIsShown) {
  const std::string text = OnTerminal(80, [](std::FILE* out) {
    const Activity outer("outer", 0, out);
    const Activity inner("inner", 0, out);
    std::this_thread::sleep_for(700ms);
  });
  EXPECT_NE(text.find("\rinner"), std::string::npos) << text;
  EXPECT_EQ(text.find("outer"), std::string::npos) << text;
}

TEST(ActivityTest, AFileIsNotWrittenTo) {
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> out(std::tmpfile(), std::fclose);
  {
    const Activity work("working", 0, out.get());
    std::this_thread::sleep_for(700ms);
  }
  EXPECT_EQ(std::ftell(out.get()), 0);
}

}  // namespace
}  // namespace horizon
