using System.Globalization;
using System.Numerics;
using System.Text.Json;
using LDaeCore.Engine.Errors;
using LDaeCore.Model.Data;
using LDaeCore.Model.Methods.LatentDenoising;
using LDaeCore.Model.Training;
using LDaeCore.Runner.Reporting;

namespace LDaeCore.Runner;

/// <summary>
/// Pictures of a run while it trains: the components of its tokenizer, and its reconstructions of the same few noised training images at several
/// steps. They go into its events, and as figures into its folder, for the report.
/// </summary>
/// <param name="source">Training images.</param>
/// <param name="folder">The run folder.</param>
/// <param name="line">Receives the reasons for missing figures.</param>
internal sealed class TrainingPictures(IImageSource source, string folder, Action<string> line)
{
    private const int Images = 8, Components = 32;
    private const double Sigma = 0.5;

    private static readonly string[] Inputs = ["clean", "projected", "noised"];

    private readonly List<(long Step, double Psnr, string Png)> _rows = [];
    private bool _complained;

    /// <summary>Draws the pictures of a moment.</summary>
    /// <returns>Pictures for the events.</returns>
    public IReadOnlyList<(string Tag, byte[] Png)> Draw(IMethod method, PictureMoment moment)
    {
        if (method is not LatentDenoiser model)
        {
            // Only a denoiser has noised images.
            return [];
        }

        var pictures = new List<(string, byte[])>();
        if (moment.Starts)
        {
            Recall(moment.Step);

            // Other tokenizers have no components.
            if (model.Pca is { } pca)
            {
                pictures.Add(("components", Pictures.Components(pca, Math.Min(Components, pca.Dimensions))));
                Keep(FigureFiles.Components, () => ComponentsFigure.Of(pca, model.Recipe.Tokenizer.Dim));
            }
        }

        if (!moment.Starts || moment.Step == 0)
        {
            Denoise(model, moment.Step, pictures);
        }

        return pictures;
    }

    private void Denoise(LatentDenoiser model, long step, List<(string, byte[])> pictures)
    {
        ReconstructedImage[] drawn;
        try
        {
            using var reconstruction = new Reconstruction(model, Sigma, model.Recipe.Train.Seed, Images);
            drawn = [.. reconstruction.Run(source, [.. Enumerable.Range(0, Math.Min(Images, source.Count))], workers: 1, new BadSamples(Images))];
        }
        catch (LdaeException error) when (error.Kind == ErrorKind.Data || error is DeviceMemoryException)
        {
            // No image can be read, or the device is out of memory: the run continues without the picture.
            return;
        }

        var side = model.Recipe.Data.ImageSize;
        pictures.Add(("denoising", Pictures.Grid(ReconstructWork.Rows(drawn), side)));
        string Strip(int kind) => Convert.ToBase64String(Pictures.Strip([.. drawn.Select(image => image.Pixels[kind])], side));
        _rows.RemoveAll(row => (row.Step != 0 && !BitOperations.IsPow2(row.Step)) || row.Step == step);
        _rows.Add((step, drawn.Average(image => image.PsnrOutput), Strip(Inputs.Length)));
        Keep(FigureFiles.Denoising, () => new CommandResult()
            .Add("sigma", Sigma)
            .Add("images", drawn.Length)
            .Add("kept", model.Recipe.Tokenizer.Dim)
            .Add("psnr_projected", Math.Round(drawn.Average(image => image.PsnrProjected), 3))
            .Add("psnr_noised", Math.Round(drawn.Average(image => image.PsnrNoised), 3))
            .Add("inputs", Inputs.Select((name, kind) => new CommandResult().Add("name", name).Add("png", Strip(kind))))
            .Add("rows", _rows.Select(row => new CommandResult().Add("step", row.Step).Add("psnr", Math.Round(row.Psnr, 3)).Add("png", row.Png))));
    }

    /// <summary>The rows that a resumed run has drawn before; those of steps after its checkpoint are dropped.</summary>
    private void Recall(long step)
    {
        _rows.Clear();
        var path = FigureFiles.PathOf(folder, FigureFiles.Denoising);
        if (step == 0 || !File.Exists(path))
        {
            return;
        }

        try
        {
            using var json = JsonDocument.Parse(File.ReadAllBytes(path));
            _rows.AddRange(json.RootElement.GetProperty("rows").EnumerateArray()
                .Select(row => (row.GetProperty("step").GetInt64(), row.GetProperty("psnr").GetDouble(), row.GetProperty("png").GetString()!))
                .Where(row => row.Item1 <= step));
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException or FormatException or IOException or UnauthorizedAccessException)
        {
            _rows.Clear();
            Complain(string.Create(CultureInfo.InvariantCulture, $"{path} cannot be read: the pictures of steps up to {step} are lost ({e.Message})"));
        }
    }

    private void Keep(string name, Func<CommandResult> figure)
    {
        try
        {
            FigureFiles.Write(folder, name, figure());
        }
        catch (Exception e) when (e is LdaeException or IOException or UnauthorizedAccessException)
        {
            Complain($"The run continues without its figures: {e.Message}");
        }
    }

    private void Complain(string why)
    {
        if (!_complained)
        {
            line($"warning: {why}");
            _complained = true;
        }
    }
}
