using System.Text;

namespace LDaeCore.Engine.Interop;

/// <content>Modules, launches, streams, events, graphs.</content>
internal sealed unsafe partial class CudaDriver
{
    private const uint NonBlocking = 1;
    private const int ThreadLocalCapture = 1;

    private delegate* unmanaged<nint*, void*, int> _moduleLoadData;
    private delegate* unmanaged<nint, int> _moduleUnload;
    private delegate* unmanaged<nint*, nint, byte*, int> _moduleGetFunction;
    private delegate* unmanaged<int*, int, nint, int> _functionGetAttribute;
    private delegate* unmanaged<nint, int, int, int> _functionSetAttribute;
    private delegate* unmanaged<nint, uint, uint, uint, uint, uint, uint, uint, nint, void**, void**, int> _launchKernel;
    private delegate* unmanaged<nint*, uint, int> _streamCreate;
    private delegate* unmanaged<nint, int> _streamDestroy;
    private delegate* unmanaged<nint, int> _streamSynchronize;
    private delegate* unmanaged<nint, nint, uint, int> _streamWaitEvent;
    private delegate* unmanaged<nint*, uint, int> _eventCreate;
    private delegate* unmanaged<nint, int> _eventDestroy;
    private delegate* unmanaged<nint, nint, int> _eventRecord;
    private delegate* unmanaged<nint, int> _eventSynchronize;
    private delegate* unmanaged<float*, nint, nint, int> _eventElapsedTime;
    private delegate* unmanaged<nint, int, int> _beginCapture;
    private delegate* unmanaged<nint, nint*, int> _endCapture;
    private delegate* unmanaged<nint*, nint, ulong, int> _graphInstantiate;
    private delegate* unmanaged<nint, nint, int> _graphLaunch;
    private delegate* unmanaged<nint, int> _graphDestroy;
    private delegate* unmanaged<nint, int> _graphExecDestroy;

    /// <summary>Loads a cubin, or PTX with a final zero.</summary>
    /// <param name="image">The bytes.</param>
    /// <param name="name">What it is, for messages.</param>
    /// <param name="context">The current context, which the module belongs to.</param>
    public CubinHandle LoadModule(ReadOnlySpan<byte> image, string name, ContextHandle context)
    {
        nint module;
        fixed (byte* bytes = image)
        {
            Check(_moduleLoadData(&module, bytes), $"cuModuleLoadData({name}, {image.Length} bytes)");
        }

        return new CubinHandle(this, module, context);
    }

    /// <summary>A kernel of a module; it lives as long as the module.</summary>
    public nint Function(CubinHandle module, string name)
    {
        nint function;
        fixed (byte* text = Encoding.UTF8.GetBytes(name + '\0'))
        {
            Check(_moduleGetFunction(&function, module.Value, text), $"cuModuleGetFunction({name})");
        }

        return function;
    }

    /// <summary>An attribute of a kernel.</summary>
    public int FunctionNumber(FunctionNumber number, nint function)
    {
        int value;
        Check(_functionGetAttribute(&value, (int)number, function), $"cuFuncGetAttribute({number})");
        return value;
    }

    /// <summary>Sets the most dynamic shared memory of a kernel's blocks.</summary>
    public void AllowDynamicShared(nint function, int bytes, string name) =>
        Check(_functionSetAttribute(function, (int)Interop.FunctionNumber.MaxDynamicShared, bytes), $"cuFuncSetAttribute({name}, MaxDynamicShared, {bytes})");

    /// <summary>Starts a kernel. No part of it allocates.</summary>
    public void Launch(
        nint function, string name, (int X, int Y, int Z) grid, (int X, int Y, int Z) block, int sharedBytes, StreamHandle stream, void** arguments) =>
        Check(
            _launchKernel(
                function, (uint)grid.X, (uint)grid.Y, (uint)grid.Z, (uint)block.X, (uint)block.Y, (uint)block.Z, (uint)sharedBytes, stream.Value, arguments, null),
            $"cuLaunchKernel({name}, grid {grid}, block {block}, {sharedBytes} bytes shared, {stream})");

    /// <summary>A stream that does not wait for the default stream.</summary>
    public StreamHandle CreateStream(ContextHandle context)
    {
        nint stream;
        Check(_streamCreate(&stream, NonBlocking), $"cuStreamCreate(non-blocking)");
        return new StreamHandle(this, stream, context);
    }

    /// <summary>Waits until all work of a stream is done.</summary>
    public void Synchronize(StreamHandle stream) => Check(_streamSynchronize(stream.Value), $"cuStreamSynchronize({stream})");

    /// <summary>Makes a stream wait for an event.</summary>
    public void Wait(StreamHandle stream, EventHandle until) => Check(_streamWaitEvent(stream.Value, until.Value, 0), $"cuStreamWaitEvent({stream}, {until})");

    /// <summary>An event that takes the time.</summary>
    public EventHandle CreateEvent(ContextHandle context)
    {
        nint made;
        Check(_eventCreate(&made, 0), $"cuEventCreate(0)");
        return new EventHandle(this, made, context);
    }

    /// <summary>Records the event in the stream.</summary>
    public void Record(EventHandle what, StreamHandle stream) => Check(_eventRecord(what.Value, stream.Value), $"cuEventRecord({what}, {stream})");

    /// <summary>Waits for an event.</summary>
    public void Synchronize(EventHandle what) => Check(_eventSynchronize(what.Value), $"cuEventSynchronize({what})");

    /// <summary>Milliseconds between two events.</summary>
    public float Milliseconds(EventHandle from, EventHandle to)
    {
        float time;
        Check(_eventElapsedTime(&time, from.Value, to.Value), $"cuEventElapsedTime({from}, {to})");
        return time;
    }

    /// <summary>Starts to record the stream's work instead of running it.</summary>
    public void BeginCapture(StreamHandle stream) => Check(_beginCapture(stream.Value, ThreadLocalCapture), $"cuStreamBeginCapture({stream}, thread local)");

    /// <summary>Ends the recording and instantiates it.</summary>
    public GraphHandle EndCapture(StreamHandle stream, ContextHandle context)
    {
        nint graph, executable;
        Check(_endCapture(stream.Value, &graph), $"cuStreamEndCapture({stream})");
        try
        {
            Check(_graphInstantiate(&executable, graph, 0), $"cuGraphInstantiateWithFlags(0)");
        }
        finally
        {
            _ = _graphDestroy(graph);
        }

        return new GraphHandle(this, executable, context);
    }

    /// <summary>Launches the recorded work.</summary>
    public void Launch(GraphHandle graph, StreamHandle stream) => Check(_graphLaunch(graph.Value, stream.Value), $"cuGraphLaunch({graph}, {stream})");

    internal bool Unload(nint module) => _moduleUnload(module) == 0;

    internal bool DestroyStream(nint stream) => _streamDestroy(stream) == 0;

    internal bool DestroyEvent(nint what) => _eventDestroy(what) == 0;

    internal bool DestroyGraph(nint executable) => _graphExecDestroy(executable) == 0;

    private void BindExecution()
    {
        _moduleLoadData = (delegate* unmanaged<nint*, void*, int>)Library.Export("cuModuleLoadData");
        _moduleUnload = (delegate* unmanaged<nint, int>)Library.Export("cuModuleUnload");
        _moduleGetFunction = (delegate* unmanaged<nint*, nint, byte*, int>)Library.Export("cuModuleGetFunction");
        _functionGetAttribute = (delegate* unmanaged<int*, int, nint, int>)Library.Export("cuFuncGetAttribute");
        _functionSetAttribute = (delegate* unmanaged<nint, int, int, int>)Library.Export("cuFuncSetAttribute");
        _launchKernel = (delegate* unmanaged<nint, uint, uint, uint, uint, uint, uint, uint, nint, void**, void**, int>)Library.Export("cuLaunchKernel");
        _streamCreate = (delegate* unmanaged<nint*, uint, int>)Library.Export("cuStreamCreate");
        _streamDestroy = (delegate* unmanaged<nint, int>)Library.Export("cuStreamDestroy_v2");
        _streamSynchronize = (delegate* unmanaged<nint, int>)Library.Export("cuStreamSynchronize");
        _streamWaitEvent = (delegate* unmanaged<nint, nint, uint, int>)Library.Export("cuStreamWaitEvent");
        _eventCreate = (delegate* unmanaged<nint*, uint, int>)Library.Export("cuEventCreate");
        _eventDestroy = (delegate* unmanaged<nint, int>)Library.Export("cuEventDestroy_v2");
        _eventRecord = (delegate* unmanaged<nint, nint, int>)Library.Export("cuEventRecord");
        _eventSynchronize = (delegate* unmanaged<nint, int>)Library.Export("cuEventSynchronize");
        _eventElapsedTime = (delegate* unmanaged<float*, nint, nint, int>)Library.Export("cuEventElapsedTime");
        _beginCapture = (delegate* unmanaged<nint, int, int>)Library.Export("cuStreamBeginCapture_v2");
        _endCapture = (delegate* unmanaged<nint, nint*, int>)Library.Export("cuStreamEndCapture");
        _graphInstantiate = (delegate* unmanaged<nint*, nint, ulong, int>)Library.Export("cuGraphInstantiateWithFlags");
        _graphLaunch = (delegate* unmanaged<nint, nint, int>)Library.Export("cuGraphLaunch");
        _graphDestroy = (delegate* unmanaged<nint, int>)Library.Export("cuGraphDestroy");
        _graphExecDestroy = (delegate* unmanaged<nint, int>)Library.Export("cuGraphExecDestroy");
    }
}
