using NUnit.Framework;

namespace LDaeCore.Tests.Cuda;

/// <summary>
/// What a test needs beyond the .NET SDK. Where it is missing the test is skipped with the reason, or fails when LDAE_REQUIRE
/// names it: <c>LDAE_REQUIRE=nvrtc,emulator,cuda,mpi,onnxruntime,chromium,tensorboard</c>.
/// </summary>
internal static class Requirement
{
    public const string Nvrtc = "nvrtc", Emulator = "emulator", Cuda = "cuda", OnnxRuntime = "onnxruntime", Chromium = "chromium", Mpi = "mpi", TensorBoard = "tensorboard";

    /// <summary>Ends the test as skipped, or as failed when the thing is required.</summary>
    public static void Missing(string name, string reason)
    {
        var required = (Environment.GetEnvironmentVariable("LDAE_REQUIRE") ?? "").Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
        if (required.Contains(name))
        {
            Assert.Fail($"LDAE_REQUIRE asks for {name}: {reason}");
        }

        Assert.Ignore($"{name}: {reason}");
    }
}
