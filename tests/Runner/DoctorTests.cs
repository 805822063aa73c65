using LDaeCore.Engine.Backends.Cuda;
using LDaeCore.Engine.Backends.Reference;
using LDaeCore.Runner;
using LDaeCore.Tests.Cuda;
using NUnit.Framework;

namespace LDaeCore.Tests.Runner;

internal sealed class DoctorTests
{
    [TestCase("cpu", "cpu")]
    [TestCase("reference", "reference")]
    public void A_device_that_works_is_exit_0(string asked, string found)
    {
        var run = CommandLine.Run("doctor", "--device", asked, "--json");
        Assert.Multiple(() =>
        {
            Assert.That(run.ExitCode, Is.EqualTo(ExitCodes.Done));
            Assert.That(run.Json.GetProperty("command").GetString(), Is.EqualTo("doctor"));
            Assert.That(run.Json.GetProperty("device").GetString(), Is.EqualTo(found));
            Assert.That(run.Json.GetProperty("why").GetString(), Is.Null);
            Assert.That(run.Json.GetProperty("smoke_error").GetDouble(), Is.LessThan(1e-5));
            Assert.That(run.Json.GetProperty("cores").GetInt32(), Is.EqualTo(Environment.ProcessorCount));
            Assert.That(run.Json.GetProperty("peak_memory_bytes").GetInt64(), Is.GreaterThan(1 << 20));
            Assert.That(run.Json.TryGetProperty("timings", out _), Is.False);
            Assert.That(run.Human, Does.Contain($"device      {found}"));
        });
    }

    [Test]
    public void Auto_takes_what_there_is_and_says_why()
    {
        var run = CommandLine.Run("doctor", "--device", "auto", "--json");
        var complete = CudaLibraryReport.OfThisMachine().All(library => library.Problem is null || !library.Required);
        Assert.Multiple(() =>
        {
            Assert.That(run.ExitCode, Is.EqualTo(ExitCodes.Done));
            Assert.That(run.Json.GetProperty("device").GetString(), Is.EqualTo(complete ? "cuda" : "cpu"));
            Assert.That(run.Json.GetProperty("why").GetString(), Does.StartWith("auto takes"));
        });
    }

    [Test]
    public void The_emulated_device_does_the_product_with_its_own_library()
    {
        _ = EmulatedBackendTests.Device();
        var run = CommandLine.Run("doctor", "--device", "emulated", "--json");
        Assert.Multiple(() =>
        {
            Assert.That(run.ExitCode, Is.EqualTo(ExitCodes.Done), run.Human);
            Assert.That(run.Json.GetProperty("device").GetString(), Is.EqualTo("emulated"));
            Assert.That(run.Json.GetProperty("smoke_error").GetDouble(), Is.LessThan(1e-5));
            Assert.That(run.Json.GetProperty("kernel_error").GetDouble(), Is.GreaterThan(0).And.LessThan(1e-5));
            Assert.That(run.Human, Does.Contain("gpu ").And.Contain("caches").And.Contain(run.Json.GetProperty("cache").GetString()));
        });
    }

    [Test]
    public void Every_native_library_is_listed_with_its_remedy()
    {
        var run = CommandLine.Run("doctor", "--device", "cpu", "--json");
        var libraries = run.Json.GetProperty("libraries").EnumerateArray().ToList();
        Assert.Multiple(() =>
        {
            Assert.That(libraries.Select(l => l.GetProperty("name").GetString()), Is.EqualTo(new[] { "CUDA driver", "NVRTC", "cuBLASLt", "NCCL", "NVTX" }));
            foreach (var library in libraries)
            {
                var missing = library.GetProperty("problem").GetString() is not null;
                Assert.That(library.GetProperty("remedy").GetString() is not null, Is.EqualTo(missing));
                Assert.That(missing || library.GetProperty("version").GetString() is not null);
            }
        });
    }

    // No machine has a hundred GPUs; where there is no driver at all, the name without a number is missing too.
    [TestCase("cuda:99")]
    [TestCase("cuda")]
    public void A_device_that_is_missing_is_exit_4_with_a_remedy(string device)
    {
        if (device == "cuda" && CudaLibraryReport.OfThisMachine().All(library => library.Problem is null || !library.Required))
        {
            Assert.Ignore("this machine has one");
        }

        var run = CommandLine.Run("doctor", "--device", device, "--json");
        Assert.Multiple(() =>
        {
            Assert.That(run.ExitCode, Is.EqualTo(4));
            Assert.That(run.Error("kind"), Is.EqualTo("device"));
            Assert.That(run.Error("message"), Does.Contain(device));
            Assert.That(run.Error("remedy"), Does.Contain("--device cpu"));
            Assert.That(run.Human, Does.Contain("memory"), "the machine is described all the same");
        });
    }

    [Test]
    public void Timings_are_seconds_of_each_part()
    {
        var timings = CommandLine.Run("doctor", "--timings", "--json").Json.GetProperty("timings");
        Assert.That(timings.EnumerateObject().Select(part => part.Name), Is.EqualTo(new[] { "startup", "machine", "libraries", "smoke" }));
        Assert.That(timings.EnumerateObject().Select(part => part.Value.GetDouble()), Has.All.GreaterThan(0));
    }

    [Test]
    [Category("Long")]
    public void Timings_of_a_gpu_have_a_cold_and_a_warm_start()
    {
        _ = EmulatedBackendTests.Device();
        var run = CommandLine.Run("doctor", "--device", "emulated", "--timings", "--json");
        var timings = run.Json.GetProperty("timings");
        Assert.That(timings.GetProperty("cold_start").GetDouble(), Is.GreaterThan(timings.GetProperty("warm_start").GetDouble()));
        Assert.That(run.Human, Does.Contain("kernel families").And.Not.Contain("warning"));
    }

    [Test]
    public void The_smoke_product_of_the_reference_is_exact_to_rounding()
    {
        using var backend = new ReferenceBackend();
        Assert.That(SmokeProduct.RelativeError(backend), Is.LessThan(1e-12));
    }
}
