using LDaeCore.Engine.Backends.Reference;
using LDaeCore.Runner;
using NUnit.Framework;

namespace LDaeCore.Tests.Runner;

internal sealed class DoctorTests
{
    [TestCase("auto", "cpu")]
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
            Assert.That(run.Json.GetProperty("why").GetString() is not null, Is.EqualTo(asked == "auto"));
            Assert.That(run.Json.GetProperty("smoke_error").GetDouble(), Is.LessThan(1e-5));
            Assert.That(run.Json.GetProperty("cores").GetInt32(), Is.EqualTo(Environment.ProcessorCount));
            Assert.That(run.Json.GetProperty("peak_memory_bytes").GetInt64(), Is.GreaterThan(1 << 20));
            Assert.That(run.Json.TryGetProperty("timings", out _), Is.False);
            Assert.That(run.Human, Does.Contain($"device      {found}"));
        });
    }

    [TestCase("cuda")]
    [TestCase("cuda:3")]
    [TestCase("emulated")]
    public void A_device_that_is_missing_is_exit_4_with_a_remedy(string device)
    {
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
        Assert.That(timings.EnumerateObject().Select(part => part.Name), Is.EqualTo(new[] { "startup", "machine", "smoke" }));
        Assert.That(timings.EnumerateObject().Select(part => part.Value.GetDouble()), Has.All.GreaterThan(0));
    }

    [Test]
    public void The_smoke_product_of_the_reference_is_exact_to_rounding()
    {
        using var backend = new ReferenceBackend();
        Assert.That(SmokeProduct.RelativeError(backend), Is.LessThan(1e-12));
    }
}
