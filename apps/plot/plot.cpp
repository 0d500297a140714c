// dcgan plot

#include <filesystem>
#include <memory>
#include <string>

#include "apps/commands.h"
#include "apps/messages.h"
#include "apps/plot/page.h"
#include "runtime/io/output_file.h"

namespace dcgan {
namespace {

struct PlotArguments {
  explicit PlotArguments(CLI::App& app) {
    app.add_option("RUN,--run", run, "output folder of a training, also of one under way")
        ->type_name("PATH")
        ->required();
    app.add_option("--out", out, "PNG to write")->type_name("PATH")->default_str("RUN/plot.png");
  }
  std::string run;
  std::string out;
};

int plot(const PlotArguments& arguments) {
  const std::filesystem::path run = arguments.run;
  const std::filesystem::path out =
      arguments.out.empty() ? run / "plot.png" : std::filesystem::path(arguments.out);
  const RunRecord record = read_run_record(run);
  require_output_file("--out", out, FileKind::png);
  write_png(out, draw_page(record));
  print_message("wrote {} ({} log lines, {} sample grids)", out.string(),
                record.curves.begin()->second.size(), record.grids.size());
  return 0;
}

}  // namespace

Command add_plot(CLI::App& app) {
  const auto arguments = std::make_shared<PlotArguments>(app);
  app.footer(
      "The losses, D(x) and D(G(z)) over the steps, and six of the sample grids.\n"
      "\n"
      "Example:\n"
      "  dcgan plot runs/faces                           # runs/faces/plot.png");
  return [arguments] { return plot(*arguments); };
}

}  // namespace dcgan
