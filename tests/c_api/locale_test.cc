// A program that has set a locale with decimal commas, as every JVM in Germany has: what is written and read has points.
#include <clocale>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <locale>
#include <string>

#include "tests/c_api/handles.h"

namespace hlm_test {
namespace {

// An installed locale with commas, or one that localedef makes of the system's sources.
bool SetCommas() {
  const auto commas = [](const char* name) {
    return std::setlocale(LC_ALL, name) != nullptr && std::string(std::localeconv()->decimal_point) == ",";
  };
  if (commas("de_DE.UTF-8") || commas("fr_FR.UTF-8")) return true;
  const std::string folder = testing::TempDir() + "/locales";
  const std::string make = "mkdir -p " + folder + " && localedef -i de_DE -f UTF-8 " + folder + "/de_DE.UTF-8 2>/dev/null";
  if (std::system(make.c_str()) != 0) return false;
  setenv("LOCPATH", folder.c_str(), 1);
  return commas("de_DE.UTF-8");
}

class Locale : public testing::Test {
 protected:
  ~Locale() override {
    std::setlocale(LC_ALL, "C");
    std::locale::global(std::locale::classic());
  }
};

std::string FileText(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

TEST_F(Locale, ModelsCheckpointsAndTemplatesHavePoints) {
  if (!SetCommas()) GTEST_SKIP() << "no locale with decimal commas here";
  std::string config = TinyConfig();
  config.replace(config.find("10000.0"), 7, "10000.5");
  hlm_model* raw_model = nullptr;
  ASSERT_OK(hlm_model_create(config.c_str(), 7, &raw_model));
  const Model model(raw_model);
  const Plan plan = TinyPlan(model.get());
  hlm_trainer* raw_trainer = nullptr;
  ASSERT_OK(hlm_trainer_create(model.get(), plan.get(), nullptr, &raw_trainer));
  const Trainer trainer(raw_trainer);
  const Documents documents = TinyDocuments();
  const hlm_batch batch = documents.Get();
  ASSERT_OK(hlm_trainer_step(trainer.get(), &batch, nullptr));

  const std::string folder = testing::TempDir() + "/points_model", checkpoints = testing::TempDir() + "/points";
  hlm_save_options save;
  hlm_save_options_init(&save);
  save.overwrite = 1;
  ASSERT_OK(hlm_trainer_save_model(trainer.get(), folder.c_str(), &save));
  const std::string saved = FileText(folder + "/config.json");
  EXPECT_NE(saved.find("\"rope_theta\": 10000.5,"), std::string::npos) << saved;
  EXPECT_NE(saved.find("\"initializer_range\": 0.05"), std::string::npos) << saved;

  hlm_checkpoint_options options;
  hlm_checkpoint_options_init(&options);
  options.background = 0;
  ASSERT_OK(hlm_trainer_save(trainer.get(), checkpoints.c_str(), &options));
  char* json = nullptr;
  ASSERT_OK(hlm_trainer_resume(trainer.get(), checkpoints.c_str(), nullptr, &json));
  hlm_string_destroy(json);

  hlm_template* chat = nullptr;
  ASSERT_OK(hlm_template_create(
      "{{ '%.2f' % 2.5 }} {{ 1.25 }} {{ 2.345 | round(2) }} {{ [0.5] | tojson }} {{ '1.5e999' | float }}", &chat));
  char* text = nullptr;
  ASSERT_OK(hlm_template_render(chat, R"([{"role": "user", "content": "x"}])", nullptr, &text));
  EXPECT_STREQ(text, "2.50 1.25 2.35 [0.5] inf");  // as Jinja2 has it in Python
  hlm_string_destroy(text);
  hlm_template_destroy(chat);
  // The program's own locale is as it was.
  EXPECT_STREQ(std::localeconv()->decimal_point, ",");
}

struct Dots : std::numpunct<char> {
  char do_thousands_sep() const override { return '.'; }
  std::string do_grouping() const override { return "\3"; }
};

TEST_F(Locale, MessagesHaveNumbersAsTheyAreWritten) {
  std::locale::global(std::locale(std::locale::classic(), new Dots));
  hlm_plan_options options = TinyPlanOptions();
  options.micro_batch = 1234567;
  hlm_plan* plan = nullptr;
  ExpectError(hlm_plan_make(TinyModel().get(), &options, &plan), HLM_INVALID_ARGUMENT, {"micro_batch is 1234567;"});
}

}  // namespace
}  // namespace hlm_test
