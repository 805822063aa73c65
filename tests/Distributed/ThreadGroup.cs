using System.Net;
using System.Net.Sockets;
using LDaeCore.Engine.Distributed;

namespace LDaeCore.Tests.Distributed;

/// <summary>A group over sockets whose processes are threads of this one.</summary>
internal static class ThreadGroup
{
    /// <summary>Lets every member do its part, and leave.</summary>
    /// <param name="size">How many.</param>
    /// <param name="part">What a member does.</param>
    /// <returns>What the members found, in order of rank.</returns>
    public static T[] Run<T>(int size, Func<ICommunicator, T> part)
    {
        var launches = Launches(size);
        var found = new T[size];
        var members = Enumerable.Range(0, size).Select(rank => Task.Factory.StartNew(
            () =>
            {
                using var group = ProcessGroup.Join(launches[rank], _ => { });
                found[rank] = part(group);
                group.Leave();
            },
            CancellationToken.None,
            TaskCreationOptions.LongRunning,
            TaskScheduler.Default)).ToArray();
        Task.WaitAll(members);
        return found;
    }

    public static Launch[] Launches(int size)
    {
        var port = FreePort();
        return
        [
            .. Enumerable.Range(0, size).Select(rank => Launch.Read(name => name switch
            {
                "RANK" or "LOCAL_RANK" => $"{rank}",
                "WORLD_SIZE" => $"{size}",
                "MASTER_ADDR" => "127.0.0.1",
                "MASTER_PORT" => $"{port}",
                _ => null,
            })),
        ];
    }

    public static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
