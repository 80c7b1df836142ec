// horizon completion and horizon man: made of the definitions, and taken by a shell and by roff.
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <string>

#include "tests/samples/support.h"

namespace horizon_test {
namespace {

std::string Output(const std::string& command) {
  std::FILE* pipe = popen(command.c_str(), "r");
  std::string text;
  for (int c; (c = std::fgetc(pipe)) != EOF;) text += static_cast<char>(c);
  EXPECT_EQ(pclose(pipe), 0) << command << "\n" << text;
  return text;
}

// What bash offers for a line whose last word is being typed.
std::string Offered(const std::string& words, int current) {
  return Output("bash -c 'source " + Scratch("horizon.bash") + " && COMP_WORDS=(" + words +
                ") COMP_CWORD=" + std::to_string(current) + " && _horizon && printf \"%s\\n\" \"${COMPREPLY[@]}\"' 2>&1");
}

TEST(CompletionTest, BashOffersCommandsOptionsAndValues) {
  const Result script = Horizon({"completion", "bash"});
  ASSERT_EQ(script.status, 0) << script.err;
  WriteFile(Scratch("horizon.bash"), script.out);
  EXPECT_EQ(Offered("horizon tra", 1), "train\n");
  EXPECT_EQ(Offered("horizon train --sched", 2), "--schedule\n");
  EXPECT_EQ(Offered("horizon train --schedule co", 3), "constant\ncosine\n");
  EXPECT_EQ(Offered("horizon plan --preset llama3-8", 3), "llama3-8b\n");
  EXPECT_EQ(Offered("horizon train --steps 1", 3), "\n") << "a number is nobody's to guess";
  EXPECT_EQ(Offered("horizon completion z", 2), "zsh\n");
  EXPECT_EQ(Offered("horizon man tr", 2), "train\n");
  EXPECT_EQ(Offered("horizon help show", 2), "show-mask\n");
  EXPECT_EQ(Offered("horizon train --preset = ti", 4), "tiny\n") << "as bash cuts --preset=ti";
  EXPECT_EQ(Offered("horizon train --schedule =", 3), "constant\nlinear\ncosine\n");
  EXPECT_EQ(Offered("horizon plan --machine dgx", 3), "dgx-spark-128g\n");
  WriteFile(Scratch("dgx.json"), "");
  EXPECT_EQ(Offered("horizon plan --machine " + Scratch("dgx"), 3), Scratch("dgx.json") + "\n") << "or a file";
  WriteFile(Scratch("data.npy"), "");
  EXPECT_EQ(Offered("horizon train --data " + Scratch("dat"), 3), Scratch("data.npy") + "\n");
}

TEST(CompletionTest, EveryShellHasEveryCommand) {
  for (const std::string shell : {"bash", "zsh", "fish"}) {
    const Result script = Horizon({"completion", shell});
    EXPECT_EQ(script.status, 0) << script.err;
    for (const std::string word : {"train", "doctor", "chat", "show-mask", "save-config", "cosine", "qwen2.5-7b"}) {
      EXPECT_NE(script.out.find(word), std::string::npos) << shell << " " << word;
    }
    WriteFile(Scratch("script." + shell), script.out);
    if (std::system(("command -v " + shell + " > /dev/null").c_str()) == 0)
      Output(shell + " -n " + Scratch("script." + shell) + " 2>&1");
  }
  // Sourced, and as a file of $fpath.
  const std::string zsh = Horizon({"completion", "zsh"}).out;
  EXPECT_NE(zsh.find("compdef _horizon horizon\n"), std::string::npos);
  EXPECT_NE(zsh.find("help|man)"), std::string::npos);
  EXPECT_NE(Horizon({"completion", "fish"}).out.find("'__fish_seen_subcommand_from help man'"), std::string::npos);
  const Result other = Horizon({"completion", "fsh"});
  EXPECT_EQ(other.status, 2);
  ExpectOneErrorLine(other, {"fsh", "did you mean fish?"});
}

TEST(CompletionTest, HelpSaysWhereTheScriptGoes) {
  for (const char* word : {"--help", "-h"}) {
    const Result help = Horizon({"completion", word});
    EXPECT_EQ(help.status, 0) << help.err;
    for (const char* part : {"bash|zsh|fish", "~/.bashrc", "~/.zshrc", "~/.config/fish/completions"})
      EXPECT_NE(help.out.find(part), std::string::npos) << part;
    EXPECT_NE(Horizon({"man", word}).out.find("Usage: horizon man [COMMAND]"), std::string::npos);
  }
}

TEST(CompletionTest, TheManualPageHasWhatHelpHas) {
  const Result page = Horizon({"man"});
  ASSERT_EQ(page.status, 0);
  EXPECT_EQ(page.out.rfind(".TH HORIZON 1", 0), 0u);
  for (const std::string word : {"learning\\-rate", ".SH OPTIONS OF train", "\\-\\-schedule", "EXIT STATUS"})
    EXPECT_NE(page.out.find(word), std::string::npos) << word;
  EXPECT_NE(page.out.find("between the brackets \\[u27E6] and \\[u27E7]"), std::string::npos) << "roff reads ASCII";
  WriteFile(Scratch("horizon.1"), page.out);
  if (std::system("command -v groff > /dev/null") == 0) {
    EXPECT_EQ(Output("groff -man -Tascii -ww -z " + Scratch("horizon.1") + " 2>&1"), "");
  }
}

TEST(CompletionTest, ASubcommandHasAManualPageOfItsOwn) {
  const Result page = Horizon({"man", "show-mask"});
  ASSERT_EQ(page.status, 0);
  EXPECT_EQ(page.out.rfind(".TH HORIZON\\-SHOW\\-MASK 1", 0), 0u) << page.out.substr(0, 80);
  EXPECT_NE(page.out.find("\\-\\-mask"), std::string::npos);
  EXPECT_NE(page.out.find(".SH SEE ALSO"), std::string::npos);
  EXPECT_EQ(page.out.find("learning\\-rate"), std::string::npos) << "an option of train";
  WriteFile(Scratch("horizon-show-mask.1"), page.out);
  if (std::system("command -v groff > /dev/null") == 0) {
    EXPECT_EQ(Output("groff -man -Tascii -ww -z " + Scratch("horizon-show-mask.1") + " 2>&1"), "");
  }
}

}  // namespace
}  // namespace horizon_test
