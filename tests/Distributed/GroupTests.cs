using System.Net;
using System.Net.Sockets;
using LDaeCore.Engine.Backends;
using LDaeCore.Engine.Backends.Cpu;
using LDaeCore.Engine.Backends.Reference;
using LDaeCore.Engine.Distributed;
using LDaeCore.Engine.Errors;
using LDaeCore.Engine.Tensors;
using NUnit.Framework;

namespace LDaeCore.Tests.Distributed;

/// <summary>Collectives over sockets between threads, and the detection of faults.</summary>
public sealed class GroupTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    // More than a chunk of a socket's messages, and no multiple of a vector.
    private const int Count = 40_001;

    [TestCase(false)]
    [TestCase(true)]
    public void Sums_are_those_of_all_and_have_the_same_bits_everywhere(bool wide)
    {
        var sums = ThreadGroup.Run(3, group =>
        {
            using IBackend backend = wide ? new ReferenceBackend() : new CpuBackend(1);
            using var tensor = new PersistentTensor(backend, new Shape(Count), backend.ParameterType);
            tensor.Tensor.Write(backend, Values(group.Rank));
            group.BeginSum(tensor.Tensor.Slice(0, 10));
            group.BeginSum(tensor.Tensor.Slice(10, Count - 10));
            group.FinishSums();
            return tensor.Tensor.ReadDoubles(backend);
        });
        var expected = Values(0).Zip(Values(1), Values(2)).Select(v => v.First + v.Second + v.Third).ToArray();
        Assert.That(sums[0], Is.EqualTo(expected).Within(wide ? 1e-15 : 1e-6));
        Assert.That(sums[1], Is.EqualTo(sums[0]));
        Assert.That(sums[2], Is.EqualTo(sums[0]));
    }

    [Test]
    public void Numbers_are_gathered_in_order_and_rank_0_tells_the_others()
    {
        var found = ThreadGroup.Run(3, group =>
        {
            using var backend = new CpuBackend(1);
            using var tensor = new PersistentTensor(backend, new Shape(5), DType.F32);
            tensor.Tensor.Write(backend, [.. Values(group.Rank).Take(5)]);
            group.Broadcast(tensor.Tensor);
            return (group.Gather([group.Rank, 10]), group.Broadcast(group.Rank == 0 ? [1, 2, 3] : []), tensor.Tensor.ReadFloats(backend));
        });
        foreach (var (gathered, told, tensor) in found)
        {
            Assert.That(gathered, Is.EqualTo(new double[] { 0, 10, 1, 10, 2, 10 }));
            Assert.That(told, Is.EqualTo(new byte[] { 1, 2, 3 }));
            Assert.That(tensor, Is.EqualTo(Values(0).Take(5).Select(v => (float)v)));
        }
    }

    /// <summary>Whether it waits for rank 0 or for the dead process itself, a call ends with the fault, and so does a process between two calls.</summary>
    [Test]
    public void A_call_throws_the_fault_of_a_process_that_died()
    {
        var launches = ThreadGroup.Launches(3);
        var faults = launches.Select(launch => Task.Factory.StartNew(
            () =>
            {
                using var group = ProcessGroup.Join(launch, _ => { });
                group.Gather([]);
                if (group.Rank == 2)
                {
                    return null;
                }

                using var backend = new CpuBackend(1);
                using var tensor = new PersistentTensor(backend, new Shape(Count), DType.F32);
                group.BeginSum(tensor.Tensor);
                var error = Assert.Throws<ProcessFaultException>(group.FinishSums)!;
                Assert.That(group.Faulted.WaitHandle.WaitOne(Patience), Is.True);
                Assert.That(group.Abort(1, "follows from it", ""), Is.EqualTo(error.Fault));
                return error.Fault;
            },
            CancellationToken.None,
            TaskCreationOptions.LongRunning,
            TaskScheduler.Default)).ToArray();
        Assert.That(Task.WaitAll(faults, Patience), Is.True);
        foreach (var fault in faults[..2].Select(task => task.Result!))
        {
            Assert.That((fault.Rank, fault.IsGone, fault.Code), Is.EqualTo((2, true, 1)));
        }
    }

    [Test]
    public void A_dead_process_is_named_to_all()
    {
        var faults = Lines(3, TimeSpan.FromMinutes(1), out var sockets, out var monitors);
        sockets[2].Dispose();
        foreach (var fault in faults[..2].Select(Heard))
        {
            Assert.That((fault.Rank, fault.IsGone, fault.Code), Is.EqualTo((2, true, 1)));
            Assert.That(fault.Message, Does.StartWith("Rank 2 of 3 is gone"));
        }

        Array.ForEach(monitors, l => l.Dispose());
    }

    [Test]
    public void A_silent_process_is_named_to_all()
    {
        // Rank 2 keeps its connection and sends nothing, like a machine that has lost its power.
        var (listener, client) = Pair();
        var faults = new TaskCompletionSource<ProcessFault>[] { new(), new() };
        var (rootEnd, peerEnd) = Pair();
        using var root = new HeartbeatMonitor(0, 3, [rootEnd, listener], faults[0].SetResult, TimeSpan.FromSeconds(1));
        using var peer = new HeartbeatMonitor(1, 3, [peerEnd], faults[1].SetResult, TimeSpan.FromSeconds(1));
        foreach (var fault in faults.Select(Heard))
        {
            Assert.That(fault.Message, Does.Contain("Rank 2 of 3 is gone").And.Contain("nothing was heard"));
        }

        client.Dispose();
    }

    [Test]
    public void A_failing_process_reports_its_error_to_the_others()
    {
        var faults = Lines(3, TimeSpan.FromMinutes(1), out _, out var monitors);
        monitors[1].Fail(3, "no images", "look again");
        foreach (var fault in new[] { faults[0], faults[2] }.Select(Heard))
        {
            Assert.That(fault, Is.EqualTo(new ProcessFault(1, 3, "no images", IsGone: false) { Remedy = "look again" }));
        }

        Assert.That(faults[1].Task.IsCompleted, Is.False);
        Array.ForEach(monitors, l => l.Dispose());
    }

    [Test]
    public void A_process_that_leaves_is_no_fault()
    {
        var faults = Lines(2, TimeSpan.FromMinutes(1), out var sockets, out var monitors);
        Array.ForEach(monitors, l => l.Leave());
        Array.ForEach(monitors, l => l.Dispose());
        Array.ForEach(sockets, s => s.Dispose());
        Thread.Sleep(100);
        Assert.That(faults.Any(v => v.Task.IsCompleted), Is.False);
    }

    [Test]
    public void A_missing_process_is_named_and_a_wrong_token_rejected()
    {
        using var rendezvous = new Rendezvous(0, 4, token: 7);
        using var welcome = Enter(rendezvous, new Handshake(Handshake.Data, 2, 4, 7));
        using var stranger = Enter(rendezvous, new Handshake(Handshake.Data, 1, 4, 8));
        var error = Assert.Throws<LdaeException>(() => rendezvous.Wait(Handshake.Data, TimeSpan.FromMilliseconds(300)));
        Assert.That(error.Message, Does.Contain("Rank 1, 3 of 4"));
    }

    [Test]
    public void Another_number_of_processes_is_refused()
    {
        using var rendezvous = new Rendezvous(0, 2, token: 0);
        using var other = Enter(rendezvous, new Handshake(Handshake.Data, 1, 3, 0));
        var error = Assert.Throws<LdaeException>(() => rendezvous.Wait(Handshake.Data, Patience));
        Assert.That(error.Message, Does.Contain("one of 3").And.Contain("rank 0 as one of 2"));
    }

    [Test]
    public void A_port_that_another_run_listens_at_is_refused()
    {
        using var rendezvous = new Rendezvous(0, 2, token: 0);
        var error = Assert.Throws<LdaeException>(() => new Rendezvous(rendezvous.Port, 2, token: 0).Dispose());
        Assert.That(error.Kind, Is.EqualTo(ErrorKind.Configuration));
        Assert.That(error.Message, Does.Contain($"port {rendezvous.Port}"));
        Assert.That(error.Remedy, Does.Contain("MASTER_PORT"));
    }

    [Test]
    public void A_process_that_died_before_all_were_connected_is_named_at_once()
    {
        using var rendezvous = new Rendezvous(0, 4, token: 0);
        using var staying = Enter(rendezvous, new Handshake(Handshake.Heartbeat, 1, 4, 0));
        Enter(rendezvous, new Handshake(Handshake.Heartbeat, 2, 4, 0)).Dispose();
        var error = Assert.Throws<LdaeException>(() => rendezvous.Wait(Handshake.Heartbeat, Patience));
        Assert.That(error.Message, Does.StartWith("Rank 2 of 4 is gone"));
        var heard = new TaskCompletionSource<ProcessFault>();
        using var heartbeat = new HeartbeatMonitor(1, 4, [staying], heard.SetResult);
        rendezvous.Reject(new ProcessFault(0, 1, error.Message, IsGone: true));
        Assert.That(Heard(heard).Message, Is.EqualTo(error.Message));
    }

    [Test]
    public void A_stop_cancels_the_wait_for_others()
    {
        using var stop = new CancellationTokenSource(TimeSpan.FromMilliseconds(100));
        using var rendezvous = new Rendezvous(0, 2, token: 0);
        Assert.Throws<OperationCanceledException>(() => rendezvous.Wait(Handshake.Data, Patience, stop.Token));
        Assert.Throws<OperationCanceledException>(() => Wire.Connect(["127.0.0.1"], ThreadGroup.FreePort(), Patience, stop.Token));
    }

    private static double[] Values(int rank) => [.. Enumerable.Range(0, Count).Select(i => Math.Sin(i + rank))];

    private static ProcessFault Heard(TaskCompletionSource<ProcessFault> fault)
    {
        Assert.That(fault.Task.Wait(Patience), Is.True, "no fault was reported");
        return fault.Task.Result;
    }

    /// <summary>The monitors of a group, and the socket of each member to rank 0.</summary>
    private static TaskCompletionSource<ProcessFault>[] Lines(int size, TimeSpan silence, out Socket[] sockets, out HeartbeatMonitor[] monitors)
    {
        var faults = Enumerable.Range(0, size).Select(_ => new TaskCompletionSource<ProcessFault>()).ToArray();
        var pairs = Enumerable.Range(1, size - 1).Select(_ => Pair()).ToArray();
        sockets = [null!, .. pairs.Select(p => p.There)];
        monitors =
        [
            new HeartbeatMonitor(0, size, [.. pairs.Select(p => p.Here)], faults[0].SetResult, silence),
            .. pairs.Select((p, i) => new HeartbeatMonitor(i + 1, size, [p.There], faults[i + 1].SetResult, silence)),
        ];
        sockets[0] = pairs[0].Here;
        return faults;
    }

    private static (Socket Here, Socket There) Pair()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var there = new Socket(SocketType.Stream, ProtocolType.Tcp);
        there.Connect((IPEndPoint)listener.LocalEndpoint);
        return (listener.AcceptSocket(), there);
    }

    private static Socket Enter(Rendezvous rendezvous, Handshake handshake)
    {
        var socket = Wire.Connect(["127.0.0.1"], rendezvous.Port, Patience)!;
        handshake.Send(socket);
        return socket;
    }
}
