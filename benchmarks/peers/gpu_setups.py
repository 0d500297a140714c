"""The set-ups of pytorch_gpu.py: what each is, how it is made ready, how it is timed."""

import dataclasses
import functools

import common
import compiling
import figures
import serve
from common import Setup, torch
from timing import capture, event_times, note, warm_up

# "max-autotune-no-cudagraphs" without two of its searches, which take minutes (README.md).
COMPILED = {"compiled": True, "compile_options": (("max_autotune", True),
                                                  ("max_autotune_conv_backends", "ATEN"))}
TRAINED = COMPILED | {"ends_apart": True}
WHOLE_MODE = {"compiled": True, "compile_mode": "max-autotune-no-cudagraphs", "ends_apart": True}
TUNED = {"autocast": torch.bfloat16, "frozen": True}
SETUPS = {
    "P0": Setup(shipped=True),
    "P1": Setup(autocast=torch.bfloat16),
    "P1h": Setup(autocast=torch.float16),
    "P2": Setup(**TUNED),
    "P3": Setup(**TUNED, **TRAINED),
    "P4": Setup(**TUNED, captured=True),
    "P5": Setup(**TUNED, **TRAINED, captured=True),
    "P5t": Setup(**TUNED, **WHOLE_MODE, captured=True),
}
NUMBERS = ("f32", "tf32", "bf16")  # of the generator alone
GENERATORS = {
    "eager": Setup(),
    "compiled": Setup(**COMPILED),
    "graph": Setup(captured=True),
    "compiled graph": Setup(**COMPILED, captured=True),
}


def ready_images(options, setup):
    """Real images on the device, as the step's first convolution takes them."""
    images = torch.randint(0, 256, (options.images, options.channels, options.image_size,
                                    options.image_size), dtype=torch.uint8, device=options.device)
    images = images.float().div_(255).sub_(0.5).div_(0.5)
    if setup.shipped:
        return images
    return images.to(setup.autocast, memory_format=torch.channels_last)


def step_action(step, options, name):
    if not step.setup.captured:
        return step.run
    static = step.batches.take().clone(memory_format=torch.preserve_format)
    replay = capture(lambda: step.learn(static), options, name)

    def action():
        static.copy_(step.batches.take())
        replay()
    return action


def tune_backend():
    torch.backends.cudnn.benchmark = True
    torch.backends.cudnn.benchmark_limit = 0  # no limit: every algorithm is tried


def without_capture(setup):
    return dataclasses.replace(setup, captured=False)


class Workplace:
    """What several set-ups in one process share: turns on the GPU, networks."""

    def __init__(self, options):
        self.options = options
        self.turn = serve.Turn(options.lock)
        self.networks = {}  # {set-up without capture: (generator, discriminator)}
        self.failed_searches = {}  # {set-up without capture: why}
        self.fallen_back = {}  # {name: why its search failed}
        self.compiler_waits = bool(options.lock) and self.take_over_searches()

    def take_over_searches(self):
        """The compiler's timings take turns too; false where PyTorch does them otherwise."""
        from torch._inductor.runtime import benchmarking
        kind = type(benchmarking.benchmarker)
        inner = getattr(kind, "benchmark_gpu", None)
        if inner is None:
            return False

        def benchmark_gpu(*arguments, **named):
            with self.turn:
                return inner(*arguments, **named)
        kind.benchmark_gpu = benchmark_gpu
        return True

    def describe(self):
        return {"compiler_times_alone": self.compiler_waits, "fallen_back": self.fallen_back,
                "compiled": how_compiled(self.options, self.fallen_back)}

    def with_second_try(self, name, setup, make):
        """make(set-up); one whose compiler's search fails is made again without the search.

        Only with --serve, whose first answer says so. What was compiled before stays: graphs
        that are captured already run it.
        """
        searches = setup.compiled and compiling.search(setup) is not None
        if not searches or not self.options.serve:
            return make(setup)
        why = self.failed_searches.get(without_capture(setup))
        if why is None:
            try:
                return make(setup)
            except Exception as error:  # whatever a compiler or a driver raises
                why = f"{compiling.search(setup)}: {serve.why(error)}"
        # Past the handler: its traceback kept what had been made.
        self.failed_searches[without_capture(setup)] = why
        self.networks.pop(without_capture(setup), None)
        self.fallen_back[name] = why
        note(f"{name}: without a search now: {why}")
        return make(compiling.with_defaults(setup))

    def shared_networks(self, setup):
        key = without_capture(setup)
        if key not in self.networks:
            self.networks[key] = common.make_networks(self.options, setup, self.options.device)
        return self.networks[key]

    def settle(self, action):
        """Does what would otherwise be part of a first timing, while the turn lasts."""
        if self.options.serve:
            warm_up(action, self.options)
        if not self.options.rehearse:
            torch.cuda.synchronize()
            torch.cuda.empty_cache()  # of the searches' workspaces: others need the memory
        return action


def make_step(setup, options, workplace):
    batches = common.Batches(ready_images(options, setup), options.batch, prepare=lambda x: x)
    return common.Step(setup, options, batches, options.device, workplace.shared_networks(setup))


def set_up_step(name, options, workplace):
    """Returns what times the steps and gives their row."""
    def make(setup):
        step = make_step(setup, options, workplace)
        return step, workplace.settle(step_action(step, options, name))
    with workplace.turn:
        if not SETUPS[name].shipped:
            tune_backend()
        step, action = workplace.with_second_try(name, SETUPS[name], make)
    return lambda: step_row(name, step, action, options)


def step_row(name, step, action, options):
    times = event_times(action, options)
    common.require_finite(name, step.losses)
    dtype = common.DTYPE_NAMES[step.setup.autocast]
    if step.setup.shipped and torch.backends.cudnn.allow_tf32:
        dtype = "tf32"
    row = figures.result("train", name, dtype, options.batch, times)
    if not options.rehearse:
        row["peak_memory_bytes"] = torch.cuda.max_memory_allocated()
    return row


def set_number_type(dtype):
    # f32 means float32 everywhere; tf32 what PyTorch's users get by setting two flags.
    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = dtype == "tf32"
    return torch.bfloat16 if dtype == "bf16" else torch.float32


def make_generate(setup, dtype, batch, options):
    number = set_number_type(dtype)
    generator = common.make_networks(options, setup, options.device)[0].eval().to(number)
    z = torch.randn(batch, options.nz, 1, 1, device=options.device).to(number)

    def generate():
        with torch.inference_mode():
            generator(z)
    return generate


def set_up_generator(way, dtype, batch, options, workplace):
    """Returns what times the generator and gives its row."""
    name = f"generator {way} {dtype} batch {batch}"

    def make(setup):
        action = make_generate(setup, dtype, batch, options)
        return workplace.settle(capture(action, options, name) if setup.captured else action)
    with workplace.turn:
        tune_backend()
        action = workplace.with_second_try(f"{way} {dtype} {batch}", GENERATORS[way], make)

    def row():
        set_number_type(dtype)
        return figures.result("generate", way, dtype, batch, event_times(action, options))
    return row


def generator_set_ups(options, workplace):
    """{name: function that sets it up}."""
    return {f"{way} {dtype} {batch}":
            functools.partial(set_up_generator, way, dtype, batch, options, workplace)
            for batch in options.inference_batches for dtype in options.dtypes
            for way in options.ways}


def set_ups(options):
    workplace = Workplace(options)
    listed = {name: functools.partial(set_up_step, name, options, workplace)
              for name in options.variants}
    if not options.no_inference:
        listed |= generator_set_ups(options, workplace)
    return listed, workplace


def time_one_by_one(options):
    return [set_up()() for set_up in set_ups(options)[0].values()]


def how_compiled(options, fallen_back=()):
    """{name: how}, of those that are asked for."""
    asked = [(name, SETUPS[name], [name]) for name in options.variants]
    if not options.no_inference:
        asked += [(f"generator {way}", GENERATORS[way],
                   [name for name in fallen_back if name.rsplit(" ", 2)[0] == way])
                  for way in options.ways]
    compiled = {}
    for name, setup, parts in asked:
        if setup.compiled:
            fallen = [part for part in parts if part in fallen_back]
            compiled[name] = compiling.how(setup)
            if fallen:
                compiled[name] = (f"{compiling.how(compiling.with_defaults(setup))}; "
                                  f"{compiling.search(setup)} failed for {', '.join(fallen)}")
    return compiled


def compile_all(options):
    """Runs once whatever is compiled, with cuDNN's first plans: they end with this process."""
    workplace = Workplace(options)
    for setup in {without_capture(SETUPS[name]): name for name in options.variants
                  if SETUPS[name].compiled}:
        workplace.with_second_try("a step", setup,
                                  lambda chosen: make_step(chosen, options, workplace).run())
    if not options.no_inference and any(GENERATORS[way].compiled for way in options.ways):
        for batch in options.inference_batches:
            for dtype in options.dtypes:
                workplace.with_second_try(
                    "the generator", GENERATORS["compiled"],
                    lambda setup, size=batch, number=dtype: make_generate(setup, number, size,
                                                                          options)())
    return 0
