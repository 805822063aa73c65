using System.Runtime.InteropServices;
using LDaeCore.Runner;
using NUnit.Framework;

namespace LDaeCore.Tests.Runner;

internal sealed class InterruptionTests
{
    [Test]
    public void The_first_signal_asks_and_the_second_ends()
    {
        using var interruption = new Interruption();
        var (first, second) = (new PosixSignalContext(PosixSignal.SIGINT), new PosixSignalContext(PosixSignal.SIGTERM));
        Assert.That(interruption.Token.IsCancellationRequested, Is.False);
        interruption.Handle(first);
        interruption.Handle(second);
        Assert.That((interruption.Token.IsCancellationRequested, first.Cancel, second.Cancel), Is.EqualTo((true, true, false)));
    }
}
