"""Refuses configurations with other keys or types than the schema's."""

import difflib
import os

import jsonschema
import yaml

NAMES_OF_TYPES = {
    "array": "a list, such as [a, b]",
    "boolean": "true or false",
    "integer": "a whole number",
    "null": "nothing",
    "number": "a number",
    "object": "names with a value each, such as {a: b}",
    "string": "a text",
}
SET_BY_RUN = {"dry_run"}


class ConfigurationError(ValueError):
    """What is wrong with a configuration, in a line that workflow.run shows alone."""


def expected_of(name, known):
    """What is expected in place of a name, the most alike first, in words."""
    known = list(known)
    alike = difflib.get_close_matches(str(name), known, 1)
    guess = f"did you mean {alike[0]!r}? " if alike else ""
    return f"{guess}Expected some of {', '.join(known)}"


def check_types():
    """Not by `snakemake.utils.validate`, which prints all of a configuration."""
    with open(os.path.join(str(workflow.basedir), "configuration.schema.yaml")) as file:
        schema = yaml.safe_load(file)
    errors = jsonschema.Draft202012Validator(schema).iter_errors(config)
    # A key that is misspelt is missing, too.
    errors = sorted(errors, key=lambda e: e.validator != "additionalProperties")
    if errors:
        place = map(str, errors[0].absolute_path)
        raise ConfigurationError(": ".join([*place, in_words(errors[0])]))


def in_words(error):
    if error.validator == "additionalProperties":
        known = error.schema["properties"]
        (key, *_) = [key for key in error.instance if key not in known]
        shown = [name for name in known if name not in SET_BY_RUN]
        return f"{key}: unknown key; {expected_of(key, shown)}."
    if error.validator == "required":
        (key, *_) = [key for key in error.validator_value if key not in error.instance]
        return f"{key}: missing, expected {', '.join(error.validator_value)}."
    if error.validator == "type":
        types = error.validator_value
        types = [types] if isinstance(types, str) else types
        expected = " or ".join(NAMES_OF_TYPES[name] for name in types)
        return f"{error.instance!r}, expected {expected}."
    return error.message


check_types()
