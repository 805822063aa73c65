using System.Diagnostics;
using NUnit.Framework;

namespace LDaeCore.Tests.Cuda;

/// <summary>
/// Streams of which one is as far ahead of the other as their events allow, in a process of its own as the emulator reads its settings once:
/// a missing wait, between the copy stream and the step or before pinned memory is written again, gives other losses.
/// </summary>
public sealed class LateStreamTests
{
    [TestCase("late")]
    [TestCase("even")]
    [TestCase("odd")]
    public void Recorded_steps_and_images_on_their_way_wait_for_each_other(string streams)
    {
        EmulatedBackendTests.Device();
        var start = new ProcessStartInfo(Environment.ProcessPath!) { RedirectStandardOutput = true, RedirectStandardError = true };
        start.Environment["LDAE_EMULATOR_STREAMS"] = streams;
        if (Path.GetFileNameWithoutExtension(start.FileName) == "dotnet")
        {
            start.ArgumentList.Add(typeof(LateStreamTests).Assembly.Location);
        }

        string[] arguments =
        [
            "--no-ansi", "--progress", "off", "--filter",
            $"FullyQualifiedName~{nameof(RecordedStepTests)}.{nameof(RecordedStepTests.Images_on_the_device_and_images_sent_to_it_are_those_of_the_loader)}"
                + $"|FullyQualifiedName~{nameof(RecordedStepTests)}.{nameof(RecordedStepTests.Five_replayed_steps_have_the_bits_of_five_direct_ones)}",
        ];
        foreach (var argument in arguments)
        {
            start.ArgumentList.Add(argument);
        }

        using var child = Process.Start(start)!;
        var errors = child.StandardError.ReadToEndAsync();
        var output = child.StandardOutput.ReadToEnd();
        child.WaitForExit();
        Assert.That(child.ExitCode, Is.Zero, output + errors.Result);
        Assert.That(output, Does.Contain("succeeded: 6"));
    }
}
