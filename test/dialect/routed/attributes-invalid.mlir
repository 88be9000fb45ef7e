// RUN: headgate-opt %s --split-input-file --verify-diagnostics

// routed (C1)
// expected-error @below {{argument 1: routed.name must be a string of letters, digits, '_' and '.' that starts with a letter or '_' and is no function of size expressions, got "2x"}}
func.func private @name_starts_with_digit(tensor<2xf32>, tensor<2xf32> {routed.name = "2x"})

// -----

// routed (C1)
// expected-error @below {{argument 0: routed.name must be a string of letters}}
func.func private @empty_name(tensor<2xf32> {routed.name = ""})

// -----

// routed (C1)
// expected-error @below {{got "q k"}}
func.func private @name_of_two_words(tensor<2xf32> {routed.name = "q k"})

// -----

// routed (C1)
// expected-error @below {{got "min"}}
func.func private @name_of_a_function(tensor<2xf32> {routed.name = "min"})

// -----

// routed (C1)
// expected-error @below {{result 0: routed.name must be a string of letters, digits, '_' and '.' that starts with a letter or '_' and is no function of size expressions, got 3 : i64}}
func.func private @name_of_other_kind() -> (tensor<2xf32> {routed.name = 3})

// -----

// routed (C1)
// expected-error @below {{argument 2: routed.name "x" is already that of argument 0}}
func.func private @same_arguments(tensor<2xf32> {routed.name = "x"}, tensor<2xf32>, tensor<2xf32> {routed.name = "x"})

// -----

// routed (C1)
// expected-error @below {{result 1: routed.name "x" is already that of argument 0}}
func.func private @result_of_an_argument(tensor<2xf32> {routed.name = "x"})
    -> (tensor<2xf32>, tensor<2xf32> {routed.name = "x"})

// -----

// routed (C1)
// expected-error @below {{result 1: routed.name "y" is already that of result 0}}
func.func private @same_results()
    -> (tensor<2xf32> {routed.name = "y"}, tensor<2xf32> {routed.name = "y"})

// -----

// routed (C2)
// expected-error @below {{argument 0: routed.dims has 1 entries, but 'tensor<?x?x2xf32>' has 2 dynamic extents}}
func.func private @too_few_dims(tensor<?x?x2xf32> {routed.dims = ["B"]})

// -----

// routed (C2)
// expected-error @below {{result 0: routed.dims has 2 entries, but 'tensor<?x2xf32>' has 1 dynamic extents}}
func.func private @too_many_dims(tensor<?xf32> {routed.dims = ["B"]}) -> (tensor<?x2xf32> {routed.dims = ["B", "B"]})

// -----

// routed (C2)
// expected-error @below {{argument 0: routed.dims must be an array of strings, got "B"}}
func.func private @no_array(tensor<?xf32> {routed.dims = "B"})

// -----

// routed (C2)
// expected-error @below {{argument 0: routed.dims must be an array of strings, got ["B", 2]}}
func.func private @no_strings(tensor<?x?xf32> {routed.dims = ["B", 2]})

// -----

// routed (C2)
// expected-error @below {{result 0: 'T' is no size expression over dims of the arguments}}
func.func private @unknown_name(tensor<?xf32> {routed.dims = ["B"]}) -> (tensor<?xf32> {routed.dims = ["T"]})

// -----

// routed (C2): a sum names no extent.
// expected-error @below {{argument 0: 'P+S' is no size expression over dims of the arguments}}
func.func private @nobody_has_the_names(tensor<?xf32> {routed.dims = ["P+S"]})

// -----

// routed (C2)
// expected-error @below {{result 0: 'B+' is no size expression over dims of the arguments}}
func.func private @half_an_expression(tensor<?xf32> {routed.dims = ["B"]}) -> (tensor<?xf32> {routed.dims = ["B+"]})

// -----

// routed (C3)
// expected-error @below {{routed.requires must be an array, got "S <= T"}}
func.func private @one_string(tensor<?xf32> {routed.dims = ["S"]}) attributes {routed.requires = "S <= T"}

// -----

// routed (C3)
// expected-error @below {{routed.requires must hold pairs [condition, message] of strings, got ["S <= 4"]}}
func.func private @no_message(tensor<?xf32> {routed.dims = ["S"]}) attributes {routed.requires = [["S <= 4"]]}

// -----

// routed (C3)
// expected-error @below {{routed.requires must hold pairs [condition, message] of strings, got ["S <= 4", 4]}}
func.func private @message_of_other_kind(tensor<?xf32> {routed.dims = ["S"]})
    attributes {routed.requires = [["S <= 4", 4]]}

// -----

// routed (C3)
// expected-error @below {{routed.requires: 'S <= T' is no size expression over dims of the arguments}}
func.func private @requires_unknown(tensor<?xf32> {routed.dims = ["S"]})
    attributes {routed.requires = [["S <= T", "no"]]}

// -----

// routed (C4)
// expected-error @below {{has "routed.nmae" on an argument or result; only routed.name and routed.dims of a function belong there}}
func.func private @misspelled(tensor<2xf32> {routed.nmae = "x"})

// -----

// routed (C4)
// expected-error @below {{has "routed.requires" on an argument or result}}
func.func private @requires_of_an_argument(tensor<2xf32> {routed.requires = []})

// -----

// routed (C4)
// expected-error @below {{has "routed.name"; only routed.requires of a function belongs there}}
func.func private @name_of_a_function() attributes {routed.name = "f"}

// -----

// routed (C4)
// expected-error @below {{'builtin.module' op has "routed.requires"; only routed.requires of a function belongs there}}
module attributes {routed.requires = []} {}

// -----

// routed (C4)
func.func @attribute_of_an_op(%q: tensor<?x?x3x16xf32>) {
  // expected-error @below {{'routed.mean_heads' op has "routed.dims"; only routed.requires of a function belongs there}}
  %0 = routed.mean_heads %q {routed.dims = []} : tensor<?x?x3x16xf32>
  return
}
