#include "apps/device_choice.h"

#include "apps/help_formatter.h"
#include "apps/messages.h"
#include "runtime/base/parallel.h"
#include "runtime/device/open_device.h"

namespace dcgan {

void add_device_options(CLI::App& app, std::string& device, std::int64_t& threads) {
  app.add_option("--device", device, "device to compute on; auto: the first GPU, else the CPU")
      ->type_name(kDevicePlaceholder)
      ->capture_default_str();
  app.add_option("--threads", threads, "CPU threads")->type_name("N")->default_str("one per core");
}

Context open_run_device(const RunOptions& options, bool speaks) {
  Context context =
      open_device(options.device, speaks ? DeviceNotice(print_device_notice) : DeviceNotice());
  context.set_overlaps_launches(overlaps_launches(options.overlap));
  return context;
}

void apply_threads(std::int64_t threads) {
  if (threads > 0) set_thread_count(static_cast<int>(threads));
}

}  // namespace dcgan
