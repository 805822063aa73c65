using LDaeCore.Engine.Backends;
using LDaeCore.Engine.Errors;
using LDaeCore.Model.Diffusion;

namespace LDaeCore.Model.Recipes;

/// <summary>Says which recipes make sense, and which of those can be trained today.</summary>
public static class RecipeValidation
{
    /// <summary>Refuses a recipe that makes no sense or is not there yet: ranges, divisibility, then what is built.</summary>
    /// <param name="recipe">The recipe; its dependent defaults are resolved first.</param>
    /// <exception cref="LdaeException">Configuration: the message names field, value and what is allowed.</exception>
    public static void Check(Recipe recipe)
    {
        // Setting a field to its own value is its range check.
        foreach (var field in RecipeFields.All)
        {
            field.Set(recipe, field.Get(recipe));
        }

        var resolved = recipe.Resolve();
        CheckShapes(resolved);
        CheckNoise(resolved);
        CheckTraining(resolved);
        CheckBuilt(resolved);
    }

    /// <summary>Refuses a recipe that a device cannot train.</summary>
    /// <param name="recipe">The recipe.</param>
    /// <param name="device">The device.</param>
    /// <exception cref="LdaeException">Configuration: the message names field, value and device.</exception>
    public static void CheckDevice(Recipe recipe, DeviceKind device) => Require(
        recipe.Train.Precision != TrainPrecision.Bf16 || device is not (DeviceKind.Cpu or DeviceKind.Reference),
        recipe,
        "train.precision",
        $"the {(device == DeviceKind.Cpu ? "cpu" : "reference")} device takes fp32 only",
        "Set train.precision=fp32.");

    private static void CheckShapes(Recipe r)
    {
        var (data, tokenizer, network) = (r.Data, r.Tokenizer, r.Network);
        Require(
            data.ImageSize % tokenizer.Patch == 0,
            r,
            "data.imageSize",
            $"it takes a multiple of tokenizer.patch = {tokenizer.Patch}",
            $"Set data.imageSize={Math.Max(1, data.ImageSize / tokenizer.Patch) * tokenizer.Patch} or another tokenizer.patch.");
        Require(
            tokenizer.Dim <= tokenizer.PatchValues,
            r,
            "tokenizer.dim",
            $"it takes 1 to {tokenizer.PatchValues}, the values of a {tokenizer.Patch} x {tokenizer.Patch} patch (0: the default)",
            "Set a smaller tokenizer.dim.");
        Require(network.Width % 4 == 0, r, "network.width", "it takes a multiple of 4 (sines and cosines of two coordinates)", "Set network.width to a multiple of 4.");
        Require(
            network.Width % network.Heads == 0,
            r,
            "network.heads",
            $"it takes a divisor of network.width = {network.Width}",
            "Set network.heads so that it divides network.width.");
        Require(
            network.EncoderDepth >= 1 && network.EncoderDepth < network.Depth,
            r,
            "network.encoderDepth",
            $"it takes 1 to {network.Depth - 1}, fewer blocks than network.depth = {network.Depth}",
            "Set network.encoderDepth below network.depth, or to 0 for half of it.");
        Require(r.Probe.Block <= network.Depth, r, "probe.block", $"it takes 1 to network.depth = {network.Depth} (0: the encoder's last)", "Set a smaller probe.block.");
        Require(r.Probe.Time <= r.Noise.Levels, r, "probe.time", $"it takes 0 to noise.levels = {r.Noise.Levels}", "Set a smaller probe.time.");
    }

    private static void CheckNoise(Recipe r)
    {
        var reads = r.Noise.Schedule is NoiseScheduleKind.LinearSigma or NoiseScheduleKind.Single;
        Require(!reads || r.Noise.Sigma > 0, r, "noise.sigma", "this noise.schedule takes a number above 0", "Set noise.sigma=null for the schedule's own.");
        Require(
            r.Noise.Levels >= NoiseSchedule.FewestLevels(r.Noise.Schedule),
            r,
            "noise.levels",
            $"this noise.schedule takes {NoiseSchedule.FewestLevels(r.Noise.Schedule)} or more",
            "Set noise.levels=1000.");
    }

    private static void CheckTraining(Recipe r)
    {
        Require(
            r.Train.KnnEvery == 0 || r.Data.HoldOut > 0,
            r,
            "data.holdOut",
            $"it takes a number above 0 while train.knnEvery = {r.Train.KnnEvery} probes held-out images",
            "Set data.holdOut=0.1, or train.knnEvery=0.");
        Require(
            r.Train.Batch % r.Train.Accumulate == 0,
            r,
            "train.accumulate",
            $"it takes a divisor of train.batch = {r.Train.Batch}",
            "Set train.accumulate so that it divides train.batch.");
        Require(
            r.Objective.KeptWeight + r.Objective.ResidualWeight > 0,
            r,
            "objective.keptWeight",
            "it takes a number above 0 when objective.residualWeight is 0, or nothing would be learnt",
            "Set objective.keptWeight=1.");
        Require(
            r.Probe.Weights == ProbeWeights.Raw || r.Train.Ema > 0,
            r,
            "probe.weights",
            "it takes raw only while train.ema = 0 keeps no average",
            "Set train.ema=0.9999, or probe.weights=raw.");
    }

    /// <summary>Only the paper's final model is built: the other steps of the journey are refused by name.</summary>
    private static void CheckBuilt(Recipe r)
    {
        Built(r, r.Tokenizer.Kind == TokenizerKind.Pca, "tokenizer.kind", "pca");
        Built(r, r.Objective.Target == PredictionTarget.Clean, "objective.target", "clean");
        Built(r, r.Objective.Input == InputSpace.Pixels, "objective.input", "pixels");
        Built(r, r.Objective.Output == OutputSpace.Original, "objective.output", "original");
        Built(r, !r.Conditioning.Class, "conditioning.class", "false");
        Built(r, r.Network.Activation == ActivationKind.GeluTanh, "network.activation", "geluTanh");
    }

    private static void Built(Recipe recipe, bool isBuilt, string name, string built) =>
        Require(isBuilt, recipe, name, $"it cannot be trained yet; today it takes {built}", $"Set {name}={built}.");

    private static void Require(bool holds, Recipe recipe, string name, string allowed, string remedy)
    {
        if (!holds)
        {
            throw new LdaeException(ErrorKind.Configuration, $"{name} = {RecipeFields.Get(name).Get(recipe)} is not allowed: {allowed}.", remedy);
        }
    }
}
