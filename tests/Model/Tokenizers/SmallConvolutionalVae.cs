using LDaeCore.Engine.Autograd;
using LDaeCore.Engine.Backends;
using LDaeCore.Engine.Parameters;
using LDaeCore.Engine.Tensors;
using LDaeCore.Model.Data;
using LDaeCore.Model.Methods.Autoencoders;
using LDaeCore.Model.Training;

namespace LDaeCore.Tests.Model.Tokenizers;

/// <summary>A convolutional tokenizer with its parameters, memory and a batch of drawn images.</summary>
internal sealed class SmallConvolutionalVae : IDisposable
{
    private readonly IBackend _backend;
    private readonly StepArena _arena;
    private readonly IReadOnlyList<LossTerm> _terms;
    private readonly PersistentTensor _images, _range;

    public SmallConvolutionalVae(IBackend backend, ConvolutionalVaeShape shape, int images, int side)
    {
        _backend = backend;
        Parameters = new ParameterSet(backend);
        Vae = new ConvolutionalVae(Parameters, shape);
        _terms = ConvolutionalVae.Terms(shape, side);
        Parameters.Allocate();
        Parameters.Initialize(7);
        _arena = new StepArena(backend, long.MaxValue, ArenaMode.Guard);
        var source = new SyntheticSource(images, side, 3, train: true);
        _images = new PersistentTensor(backend, new Shape(images, side, side, 3), DType.U8);
        backend.Upload<byte>(Enumerable.Range(0, images).SelectMany(i => source.Decode(i).Pixels.ToArray()).ToArray(), _images.Tensor);
        _range = new PersistentTensor(backend, new Shape(2, 3), backend.ParameterType);
        _range.Tensor.Write(backend, PixelRange.Symmetric.ToArray());
    }

    public ConvolutionalVae Vae { get; }

    public ParameterSet Parameters { get; }

    /// <summary>Does something with the images on a tape of its own.</summary>
    public T On<T>(Func<Tape, Tensor, T> work)
    {
        var tape = new Tape(_backend, _arena);
        var result = work(tape, ConvolutionalVae.Pixels(tape, _images.Tensor, _range.Tensor));
        _arena.Reset();
        return result;
    }

    /// <summary>The loss, and its terms by name.</summary>
    public (double Loss, Dictionary<string, double> Terms) Loss(uint step = 1) => On((tape, pixels) =>
    {
        var values = Vae.Loss(tape, pixels, 11, step);
        return (Sum(values), _terms.Zip(values).ToDictionary(t => t.First.Name!, t => t.Second.ReadDoubles(_backend)[0]));
    });

    /// <summary>Gradients of the loss, in the parameters' own memory; the loss.</summary>
    public double Differentiate(uint step = 1)
    {
        Parameters.ForgetGradients();
        var loss = On((tape, pixels) =>
        {
            var values = Vae.Loss(tape, pixels, 11, step);
            var value = Sum(values);
            foreach (var (term, tensor) in _terms.Zip(values))
            {
                tape.Outgoing(tensor, out _).Write(_backend, [term.Weight, .. new double[tensor.Shape.Count - 1]]);
            }

            tape.Backward();
            return value;
        });
        Parameters.ZeroUntouchedGradients();
        return loss;
    }

    private double Sum(IReadOnlyList<Tensor> values) => _terms.Zip(values).Sum(term => term.First.Weight * term.Second.ReadDoubles(_backend)[0]);

    public void Dispose()
    {
        _range.Dispose();
        _images.Dispose();
        _arena.Dispose();
        Parameters.Dispose();
    }
}
